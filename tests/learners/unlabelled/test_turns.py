"""Turns: the critic moves first and more often, its weights stay small, the others follow."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.learners.unlabelled.adversary import Adversary
from metabench.learners.unlabelled.base import State
from metabench.learners.unlabelled.bigan import bigan
from metabench.learners.unlabelled.infogan import infogan
from metabench.learners.unlabelled.turns import descent
from metabench.seeds import root_key
from metabench.types import EpisodeShape
from tests.learners.unlabelled.unlabelled_training import bare, training

NETS = {
    "maker": bare(lambda p, z: z * p),
    "discriminator": bare(lambda p, x: x.mean((1, 2, 3)) * p),
}


def loss(play, x, key):
    """A critic of one weight d climbs mean(x) d - m d; the maker of one weight m climbs m d."""
    made = play("maker", jnp.ones((1, 1, 1, 1)))
    critic = play("discriminator", jax.lax.stop_gradient(made)).mean()
    critic -= play("discriminator", x).mean()
    maker = -play("discriminator", made, held=True).mean()
    return critic + maker, {"loss": critic}


def stepped(adversary, images):
    way = descent(adversary, NETS, loss, optax.sgd(0.1))
    params = {"maker": jnp.float32(0.5), "discriminator": jnp.float32(0.0)}
    state = State(params, {name: {} for name in NETS}, way.init(params))
    return way.step(state, images, root_key(0))


def test_each_turn_takes_a_batch_of_its_own_and_the_maker_moves_last():
    images = jnp.asarray([255, 0, 255], jnp.uint8).reshape(1, 3, 1, 1, 1)
    state, metrics = stepped(Adversary("wgan_gp", critic_steps=3), images)
    d = 0.1 * (1 - 0.5) + 0.1 * (0 - 0.5) + 0.1 * (1 - 0.5)
    np.testing.assert_allclose(state.params["discriminator"], d, rtol=1e-6)
    np.testing.assert_allclose(state.params["maker"], 0.5 + 0.1 * d, rtol=1e-6)
    assert set(metrics) == {"loss"}


def test_a_critics_weights_are_clipped_after_each_turn():
    images = jnp.full((1, 2, 1, 1, 1), 255, jnp.uint8)
    state, _ = stepped(Adversary("wgan", clip=0.02, critic_steps=2), images)
    np.testing.assert_allclose(state.params["discriminator"], 0.02)
    np.testing.assert_allclose(state.params["maker"], 0.5 + 0.1 * 0.02)


def _pairs(*trees):
    return zip(*map(jax.tree.leaves, trees), strict=True)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["wgan", "wgan_gp"])
@pytest.mark.parametrize("factory", [bigan, infogan])
def test_learners_train_with_it(strokes_table, factory, objective):
    small = {"width": 4, "hidden": 16, "images": 8, "learning_rate": 1e-3, "critic_steps": 2}
    learner = factory(EpisodeShape(5, 1, 3), objective=objective, **small)
    assert learner.training.shape.number == 16
    before = jax.jit(learner.init)(root_key(0))
    state, metrics = training(learner)(strokes_table["train"], 3)
    assert np.isfinite(metrics["loss"]).all()
    assert np.isfinite(metrics["generator"]).all()
    for name, params in state.params.items():
        moved = [(a != b).any() for a, b in _pairs(before.params[name], params)]
        assert any(moved), name
    if objective == "wgan":
        largest = max(abs(w).max() for w in jax.tree.leaves(state.params["discriminator"]))
        assert largest <= 0.01
