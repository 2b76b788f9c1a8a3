"""The encoder: its gradient against finite differences, and a few episodes."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.tracks.causal.encoder import _regret, learn
from metabench.tracks.causal.mixtures import conditional, fitted, log_density, new_network
from metabench.tracks.causal.plan import RotationPlan
from metabench.tracks.causal.rotation import draw_curve, observe, off, turned

TINY = RotationPlan(
    seeds=(0, 1), episodes=3, samples=40, transfers=2, train_steps=2, adapt_steps=2, hidden=5,
    components=3, em=2,
)  # fmt: skip


def test_the_angles_gradient_is_that_of_the_scores_alone():
    """Parameters are constants for it, those of the marginals among them."""
    transfer = observe(draw_curve(0), jax.random.key(0), 60, 1.0)
    models = tuple(new_network(jax.random.key(number), 5, 3) for number in (1, 2))
    plan, gamma = replace(TINY, adapt_steps=1), 0.4
    still = turned(transfer, 0.2)
    marginals = [fitted(still[:, k], 3, 2) for k in (0, 1)]

    def by_hand(angle):
        pairs = turned(transfer, angle)
        scores = []
        for model, given in ((models[0], 0), (models[1], 1)):
            other = log_density(conditional(model, pairs[:, given]), pairs[:, 1 - given])
            scores.append(float((other + log_density(marginals[given], pairs[:, given])).mean()))
        belief = 1 / (1 + np.exp(-gamma))
        return -np.log(belief * np.exp(scores[0]) + (1 - belief) * np.exp(scores[1]))

    slope = (by_hand(0.2 + 1e-2) - by_hand(0.2 - 1e-2)) / 2e-2
    outer = jnp.float32(0.2), jnp.float32(gamma)
    value, slopes = jax.value_and_grad(_regret, argnums=2)(plan, transfer, outer, models)
    np.testing.assert_allclose(value, by_hand(0.2), rtol=1e-4)
    np.testing.assert_allclose(slopes[0], slope, rtol=0.03)


@pytest.mark.slow
def test_the_encoder_comes_nearer_to_the_true_axes():
    found = learn(replace(RotationPlan(), seeds=(1, 5), episodes=60))
    assert (off(found.angles[:, -1]) < off(found.angles[:, 0]) - 0.1).all()
