"""Functions drawn from a Gaussian process: the same however drawn, distributed as they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.seeds import root_key
from metabench.tasks import gaussian_process as gp
from metabench.tasks.functions import (
    AMPLITUDE,
    LENGTH,
    MOST_POINTS,
    NOISE,
    box,
    check_functions,
    prior,
    sample_functions,
    shown_values,
)
from metabench.tasks.kinds import sample_tasks
from metabench.types import FunctionShape

SHAPE = FunctionShape(dimensions=2, points=10)
DRAW = jax.jit(sample_functions, static_argnums=2)


@pytest.fixture(scope="module")
def many():
    return DRAW(root_key(0), jnp.arange(4000), SHAPE)


def test_shapes_and_ranges(many):
    assert many.xs.shape == (4000, 10, 2)
    assert many.ys.shape == (4000, 10)
    assert np.abs(many.xs).max() <= 1
    ranges = (np.sqrt(2) * np.array(LENGTH), np.array(AMPLITUDE), np.array(NOISE))
    for leaf, (low, high) in zip(many.kernel, ranges, strict=True):
        assert low <= leaf.min() < 1.02 * low
        assert high / 1.02 < leaf.max() <= 1.0001 * high
        shares = np.log(leaf / low) / np.log(high / low)
        assert abs(shares.mean() - 0.5) < 4 / np.sqrt(12 * 4000)


def test_a_function_does_not_depend_on_its_batch(many):
    alone = jax.jit(sample_tasks, static_argnums=3)(root_key(0), jnp.int32([7, 3999]), None, SHAPE)
    for one, other in zip(jax.tree.leaves(many), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(one[jnp.array([7, 3999])], other, rtol=1e-5, atol=1e-5)


def test_other_indices_and_keys_are_other_functions(many):
    assert len(np.unique(np.asarray(many.ys[:, 0]))) > 3990
    other = DRAW(root_key(1), jnp.arange(4000), SHAPE)
    assert (np.asarray(other.ys) != np.asarray(many.ys)).mean() > 0.999


def test_values_have_the_covariance_of_their_kernel(many):
    """Whitened by an independent float64 factor they are standard normal and uncorrelated."""
    white = []
    leaves = (np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(many))
    for points, ys, *kernel in zip(*leaves, strict=True):
        length, amplitude, noise = kernel
        apart = np.square(points[:, None] - points[None]).sum(-1)
        whole = amplitude**2 * np.exp(-apart / (2 * length**2)) + noise**2 * np.eye(10)
        white.append(np.linalg.solve(np.linalg.cholesky(whole), ys))
    found = np.cov(np.array(white).T)
    assert np.abs(np.mean(white, axis=0)).max() < 4.5 / np.sqrt(4000)
    assert np.abs(found - np.eye(10)).max() < 4.5 * np.sqrt(2 / 4000)


@pytest.mark.parametrize("dimensions", [1, 3])
def test_no_covariance_is_too_ill_conditioned(dimensions):
    """The corner of least noise and longest lengths, at the most points, all finite."""
    shape = FunctionShape(dimensions, MOST_POINTS)
    lowest, highest = box(shape)
    worst = gp.Kernel(highest.length, highest.amplitude, lowest.noise)
    functions = DRAW(root_key(5), jnp.arange(8), shape)
    assert jnp.isfinite(functions.ys).all()
    together = jnp.zeros_like(functions.xs[0])  # every point in one place
    for xs in (*functions.xs, together):
        root = gp.factor(worst, xs)
        assert jnp.isfinite(root).all()
        # No forecast is surer than the noise, but for rounding.
        assert float(jnp.diagonal(root).min()) > 0.9 * float(lowest.noise)


def test_the_prior_has_the_variance_of_all_values(many):
    forecast = prior(10)
    variance = np.square(np.asarray(many.ys, np.float64)).mean(1)
    apart = variance.mean() - float(forecast.deviation[0]) ** 2
    assert abs(apart) < 4 * variance.std() / np.sqrt(4000)
    assert forecast.mean.shape == forecast.deviation.shape == (10,)


def test_values_are_shown_one_step_late():
    np.testing.assert_array_equal(shown_values(jnp.float32([3, 5, 7])), [0, 3, 5])
    assert shown_values(jnp.ones((2, 4))).tolist() == [[0, 1, 1, 1]] * 2


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (FunctionShape(0, 10), "`dimensions` is 0; it must be from 1 to"),
        (FunctionShape(1, 1), "`points` is 1; it must be from 2 to"),
        (FunctionShape(1, 1000), "`points` is 1000"),
    ],
)
def test_impossible_shapes_are_refused(shape, said):
    with pytest.raises(UserError, match=said):
        check_functions(shape)
