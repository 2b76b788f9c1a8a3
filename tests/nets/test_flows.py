"""Real NVP: inverses, determinants against the whole Jacobian, masks by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.nets.flows import Coupling, RealNvp, kept, squeezed, unsqueezed


def moved(module, seed=0, size=0.3):
    """A module with all parameters away from where they begin."""
    graph, state = nnx.split(module)
    leaves, form = jax.tree.flatten(state)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    leaves = [a + size * jax.random.normal(k, a.shape) for a, k in zip(leaves, keys, strict=True)]
    return nnx.merge(graph, jax.tree.unflatten(form, leaves))


def transformed(function, x):
    """Output and log-determinant of one image, and the determinant by the whole Jacobian."""

    def whole(flat):
        y, total = function(flat.reshape(x.shape))
        return y.reshape(-1), (y, total)

    jacobian, (y, total) = jax.jit(jax.jacrev(whole, has_aux=True))(x.reshape(-1))
    return y, total[0], np.linalg.slogdet(np.asarray(jacobian, np.float64))[1]


def test_masks_by_hand():
    np.testing.assert_array_equal(kept("black", (2, 3, 1))[..., 0], [[1, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(kept("white", (2, 3, 1))[..., 0], [[0, 1, 0], [1, 0, 1]])
    np.testing.assert_array_equal(kept("first", (1, 1, 4))[0, 0], [1, 1, 0, 0])
    np.testing.assert_array_equal(kept("last", (1, 1, 4))[0, 0], [0, 0, 1, 1])


def test_squeezing_takes_blocks_of_four_and_comes_back():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(squeezed(x)[0, 0, 0], [0, 1, 4, 5])
    np.testing.assert_array_equal(squeezed(x)[0, 1, 1], [10, 11, 14, 15])
    np.testing.assert_array_equal(unsqueezed(squeezed(x)), x)


@pytest.mark.parametrize(("part", "channels"), [("black", 1), ("white", 2), ("first", 2)])
def test_a_coupling_leaves_its_part_and_knows_its_determinant(part, channels):
    shape = (4, 4, channels)
    coupling = moved(Coupling(shape, part, 3, nnx.Rngs(0)))
    x = jax.random.normal(jax.random.key(1), (1, *shape))
    y, total, expected = transformed(coupling.forward, x)
    mask = np.asarray(kept(part, shape), bool)
    np.testing.assert_array_equal(y[0][mask], x[0][mask])
    assert (np.abs(y - x)[0][~mask] > 1e-3).all()
    np.testing.assert_allclose(total, expected, rtol=1e-4)
    np.testing.assert_allclose(jax.jit(coupling.inverse)(y), x, atol=1e-5)


def test_a_coupling_begins_as_the_identity():
    x = jax.random.normal(jax.random.key(1), (2, 4, 4, 2))
    y, total = Coupling((4, 4, 2), "first", 3, nnx.Rngs(0)).forward(x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(total, [0, 0])


@pytest.mark.parametrize(("scales", "image"), [(1, (4, 3, 1)), (2, (2, 4, 1)), (3, (4, 4, 1))])
def test_all_scales_together_are_inverted_and_know_their_determinant(scales, image):
    flow = moved(RealNvp(image, scales, 2, nnx.Rngs(0)), seed=2, size=0.1)
    x = jax.random.normal(jax.random.key(3), (1, *image))
    noise, total, expected = transformed(flow, x)
    assert noise.shape == (1, np.prod(image))
    np.testing.assert_allclose(total, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(jax.jit(flow.inverse)(noise), x, atol=1e-3)
