"""Adversaries: their losses by hand, the penalty of known slopes, options."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.unlabelled.adversary import Adversary, coded, penalised, terms
from metabench.learners.unlabelled.bigan import bigan
from metabench.seeds import root_key
from metabench.types import EpisodeShape

REAL, MADE = jnp.asarray([0.5, -1.0]), jnp.asarray([2.0, 0.25])


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def test_logits_are_those_of_probabilities():
    found = terms(Adversary(), REAL, MADE)
    critic = -np.log(sigmoid(REAL)).mean() - np.log(1 - sigmoid(MADE)).mean()
    np.testing.assert_allclose(found.critic, critic, rtol=1e-6)
    np.testing.assert_allclose(found.maker, -np.log(sigmoid(MADE)).mean(), rtol=1e-6)
    np.testing.assert_allclose(
        coded(Adversary(), REAL), -np.log(1 - sigmoid(REAL)).mean(), rtol=1e-6
    )


@pytest.mark.parametrize("objective", ["wgan", "wgan_gp"])
def test_a_critic_is_a_difference_of_means(objective):
    adversary = Adversary(objective)
    assert terms(adversary, REAL, MADE) == (1.125 + 0.25, -1.125)
    assert coded(adversary, REAL) == -0.25


def test_the_penalty_of_a_plane_is_known_wherever_it_is_taken():
    weights = jnp.asarray([3.0, 4.0])  # of norm 5 for one input, with 12 more in another: 13

    def score(x, z):
        return x @ weights + 12 * z[:, 0]

    real, made = (jnp.ones((6, 2)), jnp.zeros((6, 1))), (jnp.zeros((6, 2)), jnp.ones((6, 1)))
    adversary = Adversary("wgan_gp", penalty=2.0)
    found = penalised(adversary, score, real, made, root_key(0))
    np.testing.assert_allclose(found, 2 * (13 - 1) ** 2, rtol=1e-6)
    assert penalised(Adversary("wgan"), score, real, made, root_key(0)) == 0


def test_the_penalty_is_taken_between_real_and_made():
    """A critic x²/2 has slope x, so the points show themselves."""
    keys = jax.random.split(root_key(1), 200)
    real, made = (jnp.full((8, 1), 3.0),), (jnp.full((8, 1), 5.0),)

    def score(x):
        return jnp.square(x[:, 0]) / 2

    adversary = Adversary("wgan_gp", penalty=1.0)
    found = jax.vmap(lambda key: penalised(adversary, score, real, made, key))(keys)
    assert 4 <= found.min() < found.max() <= 16  # (3 - 1)² to (5 - 1)²
    np.testing.assert_allclose(found.mean(), np.square(np.linspace(2, 4, 10_001)).mean(), rtol=0.02)


def test_a_flat_critic_has_a_finite_gradient():
    real, made = (jnp.ones((2, 3)),), (jnp.zeros((2, 3)),)

    def loss(weight):
        score = lambda x: (x * weight).sum(1)  # noqa: E731
        return penalised(Adversary("wgan_gp"), score, real, made, root_key(0))

    assert jnp.isfinite(jax.grad(loss)(0.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "lsgan"}, "`objective` is 'lsgan'; it must be one of: gan, wgan, wgan_gp"),
        ({"clip": 0.0}, "`clip` is 0.0; it must be positive"),
        ({"critic_steps": 0}, "`critic_steps` is 0; it must be at least 1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        bigan(EpisodeShape(5, 1, 3), **options)
