"""The steps again, from their gradients: the same parameters and slopes as step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.learners.gradient.gates import Weights, first_weights, gated_descent
from metabench.learners.gradient.replay import replayed

pytestmark = pytest.mark.slow

STEPS, SIZE = 4, 11
RANDOM = np.random.default_rng(0)
WEIGHTS = Weights(
    *(
        jnp.asarray(RANDOM.normal(size=a.shape), jnp.float32)
        for a in first_weights(jax.random.key(0), 3)
    )
)
THETA = jnp.linspace(-1.0, 1.0, SIZE)
GRADIENTS = jnp.asarray(RANDOM.normal(size=(STEPS, SIZE)), jnp.float32)
LOSSES = jnp.asarray([2.0, 1.0, 0.5, 0.1])


def step_by_step(weights, theta):
    optimizer = gated_descent(weights)
    state = optimizer.init(theta)
    for gradient, loss in zip(GRADIENTS, LOSSES, strict=True):
        updates, state = optimizer.update(gradient, state, theta, value=loss)
        theta = optax.apply_updates(theta, updates)
    return theta


def slopes(function):
    """Where `function` leads, and the slopes of a sum of its coordinates."""
    cotangent = jnp.cos(jnp.arange(SIZE, dtype=jnp.float32))

    @jax.jit
    def run(weights, theta):
        found, back = jax.vjp(function, weights, theta)
        return found, back(cotangent)

    return run(WEIGHTS, THETA)


@pytest.fixture(scope="module")
def expected():
    return slopes(step_by_step)


@pytest.mark.parametrize("block", [1, 4, 11, 64])
def test_it_is_the_optimizer_and_so_are_its_slopes(block, expected):
    def again(weights, theta):
        return replayed(weights, theta, GRADIENTS, LOSSES, block=block)

    found = slopes(again)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)
    for one, other in zip(*map(jax.tree.leaves, (found[1], expected[1])), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
