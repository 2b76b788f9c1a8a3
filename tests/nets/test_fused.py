"""The fused block against the composition of its parts, in values and derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from metabench.compute.native import use_native
from metabench.nets.fused import conv_affine_relu_pool, conv_norm_relu_pool
from tests.nets.both_paths import assert_same, both

pytestmark = pytest.mark.slow

EPSILON = 1e-3


@pytest.fixture(autouse=True)
def strict():
    with jax.numpy_rank_promotion("raise"), jax.enable_x64(True):
        yield


def arguments(height, width, channels, *batch, features=6):
    draw = np.random.default_rng(0)
    shapes = (4, height, width, channels), (3, 3, channels, features), (features,), (features,)
    x, kernel, scale, bias = (jnp.asarray(draw.normal(size=(*batch, *s))) for s in shapes)
    assert scale.min() < 0 < scale.max()
    return x, kernel / channels, scale, bias


def block(*arguments):
    return conv_norm_relu_pool(*arguments, epsilon=EPSILON)


def energy(*arguments):
    """Depends on every output, so that every cotangent differs from zero."""
    y, mean, var = block(*arguments)
    weights = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
    return jnp.sum(weights * jnp.sin(y)) + jnp.sum(mean**2) + jnp.sum(jnp.sqrt(var))


SIZES = [(8, 8, 1), (7, 7, 9), (3, 3, 12), (6, 5, 3), (2, 3, 8)]


@pytest.mark.parametrize("size", SIZES)
def test_values_and_gradients_are_those_of_the_composition(size):
    gradient = jax.grad(energy, (0, 1, 2, 3))
    assert_same(both(lambda *a: (block(*a), gradient(*a)), *arguments(*size)))


@pytest.mark.parametrize("size", SIZES)
def test_with_known_statistics_values_and_gradients_are_those_of_the_composition(size):
    def weighted(*inputs):
        y = conv_affine_relu_pool(*inputs)
        return jnp.sum(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape) * jnp.sin(y))

    gradient = jax.grad(weighted, (0, 1, 2, 3))
    assert_same(both(lambda *a: (conv_affine_relu_pool(*a), gradient(*a)), *arguments(*size)))


def test_statistics_of_the_batch_given_as_known_make_the_same_block():
    x, kernel, scale, bias = arguments(6, 6, 3)
    expected, mean, var = jax.jit(block)(x, kernel, scale, bias)
    slope = scale / jnp.sqrt(var + EPSILON)
    found = jax.jit(conv_affine_relu_pool)(x, kernel, slope, bias - mean * slope)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_size_of_seven_gives_three():
    y, mean, var = jax.eval_shape(block, *arguments(7, 7, 2))
    assert (y.shape, mean.shape, var.shape) == ((4, 3, 3, 6), (6,), (6,))


def test_gradients_are_finite_differences():
    with use_native(False):
        check_grads(
            jax.jit(lambda *a: energy(*a)), arguments(5, 4, 2), order=1, modes=["rev"], eps=1e-6
        )


def test_differentiates_twice():
    def after_a_step(x, kernel, scale, bias):
        step = jax.grad(energy, (1, 2, 3))(x, kernel, scale, bias)
        return energy(x, kernel - 0.1 * step[0], scale - 0.1 * step[1], bias - 0.1 * step[2])

    assert_same(both(jax.grad(after_a_step, (0, 1, 2, 3)), *arguments(7, 6, 9)))


def test_maps_over_episodes():
    assert_same(both(jax.vmap(jax.grad(energy, (0, 1, 2, 3))), *arguments(6, 7, 9, 3)))


def test_trains_inside_scan():
    x, *params = arguments(7, 7, 9)
    batches = jnp.stack([x, x[::-1] + 1, x**2])

    def step(params, x):
        value, gradients = jax.value_and_grad(lambda p: energy(x, *p))(params)
        return jax.tree.map(lambda p, g: p - 0.01 * g, params, gradients), value

    assert_same(both(lambda x, *p: jax.lax.scan(step, list(p), x), batches, *params))


def test_a_tie_gives_its_gradient_once():
    """Every window holds one value four times over; its gradient must not count four times."""
    x, kernel, scale, bias = arguments(4, 5, 2)
    pointwise = jnp.zeros_like(kernel).at[1, 1].set(kernel[1, 1])

    def tied(x):
        return energy(x.repeat(2, axis=1).repeat(2, axis=2), pointwise, scale, bias)

    assert_same(both(jax.grad(tied), x))
