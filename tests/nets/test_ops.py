"""The convolution and pooling of the CPU against XLA's own, in values and derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from metabench.compute.native import native, use_native
from metabench.nets.ops import (
    conv3x3,
    conv3x3_half,
    conv3x3_phases,
    double2,
    interleave,
    max_pool2,
    split,
)
from tests.nets.both_paths import assert_same, both

SIZES = [(8, 6, 1), (7, 7, 3), (3, 3, 12), (7, 4, 9), (14, 14, 16), (1, 2, 8)]


@pytest.fixture(autouse=True)
def strict():
    with jax.numpy_rank_promotion("raise"), jax.enable_x64(True):
        yield


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def energy(x, kernel):
    return jnp.sum(jnp.sin(conv3x3(x, kernel)) ** 2)


def test_the_backend_chooses_and_the_context_overrides():
    assert native() == (jax.default_backend() != "cpu")
    with use_native(True):
        assert native()
        with use_native(False):
            assert not native()
        assert native()


@pytest.mark.parametrize(("height", "width", "channels"), SIZES)
def test_conv3x3_is_the_native_convolution(height, width, channels):
    x, kernel = normal(0, 2, height, width, channels), normal(1, 3, 3, channels, 5)
    assert_same(both(lambda *a: (conv3x3(*a), jax.grad(energy, (0, 1))(*a)), x, kernel))


@pytest.mark.parametrize(("height", "width", "channels"), SIZES)
def test_stride_2_is_every_other_entry_and_the_native_convolution(height, width, channels):
    x, kernel = normal(0, 2, height, width, channels), normal(1, 3, 3, channels, 5)

    def squares(x, kernel):
        return jnp.sum(jnp.sin(conv3x3_half(x, kernel)) ** 2)

    found = both(lambda *a: (conv3x3_half(*a), jax.grad(squares, (0, 1))(*a)), x, kernel)
    assert_same(found)
    every = jax.jit(lambda *a: conv3x3(*a)[:, ::2, ::2])(x, kernel)
    np.testing.assert_allclose(found[1][0], every, rtol=1e-9, atol=1e-9)


def test_every_pixel_becomes_four():
    x, kernel = normal(0, 2, 3, 4, 5), normal(1, 2, 2, 5, 6)
    found = double2(x, kernel)
    assert found.shape == (2, 6, 8, 6)
    for a in range(2):
        for b in range(2):
            np.testing.assert_allclose(found[:, a::2, b::2], x @ kernel[a, b], rtol=1e-12)


@pytest.mark.parametrize(("height", "width", "channels"), SIZES[:-1])
def test_phases_of_whole_windows_are_the_same_entries(height, width, channels):
    x, kernel = normal(0, 2, height, width, channels), normal(1, 3, 3, channels, 5)
    phases = jax.jit(conv3x3_phases, static_argnames="whole")
    found = phases(x, kernel, whole=False)
    for phase, full in zip(found, phases(x, kernel), strict=True):
        assert phase.shape == (2, height // 2, width // 2, 5)
        np.testing.assert_allclose(phase, full[:, : height // 2, : width // 2], atol=1e-12)


@pytest.mark.parametrize("channels", [2, 64])
def test_conv3x3_keeps_single_precision(channels):
    x = normal(0, 4, 14, 14, channels)
    kernel = normal(1, 3, 3, channels, 8) / np.sqrt(9 * channels)
    exact = both(conv3x3, x, kernel)[0]
    single = both(conv3x3, x.astype(jnp.float32), kernel.astype(jnp.float32))[1]
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, exact, atol=1e-5)


@pytest.mark.parametrize("channels", [2, 9])
def test_conv3x3_differentiates_twice(channels):
    x, kernel = normal(0, 2, 5, 6, channels), normal(1, 3, 3, channels, 4) / channels

    def after_a_step(x, kernel):
        return energy(x, kernel - 0.01 * jax.grad(energy, 1)(x, kernel))

    assert_same(both(jax.grad(after_a_step, (0, 1)), x, kernel))
    with use_native(False):
        check_grads(jax.jit(lambda *a: conv3x3(*a)), (x, kernel), order=2, modes=["rev"])


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
def test_conv3x3_maps_over_episodes(axes):
    x, kernel = normal(0, 3, 2, 5, 5, 9), normal(1, 3, 3, 3, 9, 4)
    x = x if axes[0] == 0 else x[0]
    kernel = kernel if axes[1] == 0 else kernel[0]
    assert_same(both(jax.vmap(jax.grad(energy, (0, 1)), axes), x, kernel))


def test_conv3x3_trains_inside_scan():
    x, kernel = normal(0, 4, 2, 6, 6, 9), normal(1, 3, 3, 9, 4) / 9

    def step(kernel, x):
        return kernel - 0.01 * jax.grad(energy, 1)(x, kernel), energy(x, kernel)

    assert_same(both(lambda x, kernel: jax.lax.scan(step, kernel, x), x, kernel))


@pytest.mark.parametrize(("height", "width", "channels"), SIZES[:-1])
def test_max_pool2_is_the_native_pooling(height, width, channels):
    x = normal(0, 2, height, width, channels)
    gradient = jax.grad(lambda x: jnp.sum(max_pool2(x) ** 3))
    found = both(lambda x: (max_pool2(x), gradient(x)), x)
    assert_same(found)
    assert found[1][0].shape == (2, height // 2, width // 2, channels)


def test_max_pool2_differentiates_twice():
    with use_native(False):
        check_grads(
            jax.jit(lambda x: max_pool2(x)),
            (normal(0, 1, 5, 4, 2),),
            order=2,
            modes=["rev"],
            eps=1e-6,
        )


@pytest.mark.parametrize(("height", "width"), [(4, 6), (7, 7), (3, 4), (1, 1)])
def test_interleave_undoes_split(height, width):
    x = normal(0, 2, height, width, 3)
    g = normal(1, 2, height, width, 3)

    @jax.jit
    def there_and_back(x, g):
        found, slope = jax.vjp(lambda x: interleave(split(x)), x)
        return found, *slope(g)

    for found, expected in zip(there_and_back(x, g), (x, g), strict=True):
        np.testing.assert_array_equal(found, expected)
