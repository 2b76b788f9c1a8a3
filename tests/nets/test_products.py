"""Convolution as a product is XLA's own, with its first and second derivatives, in batches too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.compute.native import use_native
from metabench.nets.ops import conv3x3, max_pool2
from metabench.nets.products import convolve, convolve_half, pool

X = jax.random.normal(jax.random.key(0), (2, 5, 4, 3))
KERNEL = jax.random.normal(jax.random.key(1), (3, 3, 3, 2))


@pytest.fixture(autouse=True)
def native():
    with use_native(True):
        yield


def both(function, ours=convolve, theirs=conv3x3):
    """`function(convolution)` with ours and with XLA's."""
    return function(ours), function(theirs)


def native_half(x, kernel):
    form = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=form)


def assert_same(pair):
    leaves = zip(*map(jax.tree.leaves, pair), strict=True)
    for found, expected in leaves:
        np.testing.assert_allclose(found, expected, atol=1e-5 * float(jnp.abs(expected).max()))


def test_values():
    assert_same(both(lambda convolution: convolution(X, KERNEL)))


@pytest.mark.parametrize("size", [(4, 5), (7, 6), (1, 2)])
def test_stride_2_pads_as_xla_does(size):
    x = jax.random.normal(jax.random.key(2), (2, *size, 3))
    assert_same(both(lambda convolution: convolution(x, KERNEL), convolve_half, native_half))


@pytest.mark.parametrize("pair", [(convolve, conv3x3), (convolve_half, native_half)])
def test_gradients_of_any_order(pair):
    def twice(convolution):
        def once(x, kernel):
            return jax.grad(lambda *a: jnp.sin(convolution(*a)).sum(), (0, 1))(x, kernel)

        def size(x, kernel):
            return sum(jnp.square(part).sum() for part in once(x, kernel))

        return jax.jit(lambda *a: (once(*a), jax.grad(size, (0, 1))(*a)))(X, KERNEL)

    assert_same(both(twice, *pair))


def test_a_kernel_for_each_episode():
    kernels = jnp.stack([KERNEL, -2 * KERNEL])
    images = jnp.stack([X, X + 1])
    found = jax.vmap(convolve)(images, kernels)
    for image, kernel, one in zip(images, kernels, found, strict=True):
        np.testing.assert_allclose(one, conv3x3(image, kernel), rtol=1e-4, atol=1e-4)


def test_pooling_leaves_an_odd_row_out():
    np.testing.assert_array_equal(pool(X), max_pool2(X))
    assert pool(X).shape == (2, 2, 2, 3)


def test_pooling_keeps_an_odd_row_if_asked():
    full = jax.lax.reduce_window(X, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")
    assert full.shape == (2, 3, 2, 3)
    np.testing.assert_array_equal(pool(X, whole=True), full)
