"""Fast weights: both forms alike, and a step worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.memory.fast_weights import FastSizes, fast_weights, normalise
from metabench.nets.memory.unroll import unroll

XS = jax.random.normal(jax.random.key(1), (9, 2, 3))


@pytest.mark.parametrize("settle", [1, 3])
@pytest.mark.parametrize("decay", [0.95, 0.9])
def test_matrix_and_attention_agree_up_to_rounding(settle, decay):
    sizes = FastSizes(3, 8, decay=decay, settle=settle)
    found = []
    for cell in (fast_weights(sizes), fast_weights(sizes, "attention", steps=9)):
        found.append(unroll(cell, cell.init(jax.random.key(0)), cell.start(2), XS)[1])
    assert np.abs(found[0]).max() > 0.1
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_the_fast_matrix_decays_and_grows_by_the_outer_product():
    cell = fast_weights(FastSizes(3, 4, decay=0.9, rate=0.5))
    params, carry = cell.init(jax.random.key(0)), cell.start(1)
    expected = np.zeros((4, 4))
    for x in XS[:3, :1]:
        carry, output = unroll(cell, params, carry, x[None])
        h = np.asarray(output[0, 0], np.float64)
        expected = 0.9 * expected + 0.5 * np.outer(h, h)
        np.testing.assert_allclose(carry.fast[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("norms", ["shared", "separate"])
def test_two_inner_steps_by_hand(norms):
    cell = fast_weights(FastSizes(2, 2, settle=2, norms=norms))
    params = cell.init(jax.random.key(0))
    number = 3 if norms == "separate" else 1
    gains = 1 + np.arange(2 * number).reshape(number, 2) / 4
    biases = np.arange(2 * number).reshape(number, 2) / 10
    learned = {"gain": gains, "bias": biases}
    rest = {name: jnp.float32(learned[name]).reshape(params.rest[name].shape) for name in learned}
    params = params._replace(rest=rest)
    fast = np.array([[0.5, -1.0], [0.25, 2.0]])
    carry = cell.start(1)._replace(fast=jnp.float32(fast)[None], hidden=jnp.float32([[1, 3]]))
    x = np.array([0.3, -0.7])
    z = np.array([1, 3]) * 0.05 + x @ np.asarray(params.inputs, np.float64)

    def settled(a, step):
        of = min(step, number - 1)
        return np.maximum((a - a.mean()) / np.sqrt(a.var() + 1e-5) * gains[of] + biases[of], 0)

    h = settled(z, 0)
    for step in (1, 2):
        h = settled(z + fast @ h, step)
    _, found = unroll(cell, params, carry, jnp.float32(x)[None, None])
    np.testing.assert_allclose(found[0, 0], h, rtol=1e-4)


def test_layer_normalisation():
    found = normalise(jnp.float32([[1, 3], [2, 2]]), jnp.float32([2, 2]), jnp.float32([1, 0]))
    np.testing.assert_allclose(found, [[-1, 2], [1, 0]], atol=1e-4)
