"""Sequential, fitted and averaged Gaussian processes against numpy and scipy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from metabench.seeds import root_key
from metabench.tasks import gaussian_process as gp
from metabench.tasks.functions import box, sample_functions
from metabench.types import FunctionShape

SHAPE = FunctionShape(dimensions=2, points=12)


def covariance(kernel, xs):
    """With noise, in float64, straight from the definition."""
    length, amplitude, noise = (float(one) for one in kernel)
    xs = np.asarray(xs, np.float64)
    apart = np.square(xs[:, None] - xs[None]).sum(-1)
    found = amplitude**2 * np.exp(-apart / (2 * length**2))
    return found + noise**2 * np.eye(len(xs))


def conditional(kernel, xs, ys):
    """Mean and deviation of the last value, given the others."""
    whole = covariance(kernel, xs)
    weights = np.linalg.solve(whole[:-1, :-1], whole[:-1, -1])
    variance = whole[-1, -1] - weights @ whole[:-1, -1]
    return weights @ np.asarray(ys[:-1], np.float64), np.sqrt(variance)


@pytest.fixture(scope="module")
def functions():
    return jax.jit(sample_functions, static_argnums=2)(root_key(1), jnp.arange(6), SHAPE)


def function(functions, number):
    return jax.tree.map(lambda leaf: leaf[number], functions)


def test_each_forecast_is_the_conditional_of_a_multivariate_normal(functions):
    for number in range(6):
        xs, ys, kernel = function(functions, number)
        found = gp.sequential(kernel, xs, ys)
        expected = [conditional(kernel, xs[: n + 1], ys[: n + 1]) for n in range(len(ys))]
        np.testing.assert_allclose(found.mean, [mean for mean, _ in expected], atol=2e-3)
        np.testing.assert_allclose(found.deviation, [one for _, one in expected], rtol=2e-3)


def test_the_densities_add_up_to_the_joint_one(functions):
    for number in range(6):
        xs, ys, kernel = function(functions, number)
        found = gp.log_density(gp.sequential(kernel, xs, ys), ys)
        joint = scipy.stats.multivariate_normal(cov=covariance(kernel, xs))
        assert found.sum() == pytest.approx(joint.logpdf(np.asarray(ys, np.float64)), abs=5e-3)


def test_a_forecast_elsewhere_is_that_of_a_next_point(functions):
    xs, ys, kernel = function(functions, 0)
    found = gp.at(kernel, xs[:-1], ys[:-1], xs[-1:])
    expected = conditional(kernel, xs, ys)
    np.testing.assert_allclose([found.mean[0], found.deviation[0]], expected, rtol=2e-3, atol=2e-3)


def test_places_in_the_box_are_even_in_logs():
    lowest, highest = box(SHAPE)
    middle = gp.inside(jnp.full(3, 0.5), lowest, highest)
    for one, low, high in zip(middle, lowest, highest, strict=True):
        assert float(one) == pytest.approx(float(jnp.sqrt(low * high)), rel=1e-5)
    kernels = gp.grid(lowest, highest, (2, 3, 4))
    places = gp.place_of(kernels, lowest, highest)
    assert places.shape == (24, 3)
    np.testing.assert_allclose(np.unique(places[:, 0].round(4)), [0.25, 0.75], atol=1e-4)
    np.testing.assert_allclose(np.unique(places[:, 2].round(3)), [0.125, 0.375, 0.625, 0.875])


def test_the_mixture_follows_bayes(functions):
    xs, ys, _ = function(functions, 2)
    kernels = gp.grid(*box(SHAPE), (2, 2, 1))
    each = np.asarray(gp.densities(kernels, xs, ys), np.float64)
    found = gp.averaged(jnp.asarray(each, jnp.float32))
    joint = np.exp(each.cumsum(1)).mean(0)  # of the points up to each step, all kernels alike
    expected = np.log(joint / np.concatenate([[1.0], joint[:-1]]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def fits():
    """Streams of 30 points, with the kernel that is fitted before each step and its evidence."""
    shape = FunctionShape(1, 30)
    found = jax.jit(sample_functions, static_argnums=2)(root_key(2), jnp.arange(3), shape)
    lowest, highest = box(shape)

    @jax.jit
    def fit(one):
        kernels = gp.grid(lowest, highest, gp.GRID)
        each = gp.densities(kernels, one.xs, one.ys)
        best = gp.fitted(each, kernels, one.xs, one.ys, lowest, highest)
        return best, jnp.diagonal(gp.evidence(gp.densities(best, one.xs, one.ys)))

    return [(one, *fit(one)) for one in (function(found, number) for number in range(3))]


def best_evidence(one, points):
    """Of the first points, the largest that scipy finds within the box from many starts."""
    lowest, highest = (np.log(np.array(side, np.float64)) for side in box(FunctionShape(1, 30)))
    xs, ys = np.asarray(one.xs[:points], np.float64), np.asarray(one.ys[:points], np.float64)

    def loss(logs):
        joint = scipy.stats.multivariate_normal(cov=covariance(np.exp(logs), xs))
        return -joint.logpdf(ys)

    shares = [(a, b, c) for a in (0.2, 0.5, 0.8) for b in (0.5,) for c in (0.3, 0.7)]
    starts = [lowest + np.array(share) * (highest - lowest) for share in shares]
    bounds = list(zip(lowest, highest, strict=True))
    found = [scipy.optimize.minimize(loss, one, bounds=bounds, method="L-BFGS-B") for one in starts]
    return -min(result.fun for result in found)


@pytest.mark.slow
@pytest.mark.parametrize("points", [3, 10, 29])
def test_the_fit_is_as_likely_as_scipys(fits, points):
    for one, _, evidence in fits:
        assert float(evidence[points]) > best_evidence(one, points) - 0.05


def test_the_fit_is_likelier_than_the_kernel_of_the_draw(fits):
    for one, _, evidence in fits:
        true = gp.evidence(gp.log_density(gp.sequential(one.kernel, one.xs, one.ys), one.ys))
        assert (evidence[1:] >= true[1:] - 0.02).all()


def test_before_the_first_point_the_middle_is_taken(fits):
    middle = gp.inside(jnp.full(3, 0.5), *box(FunctionShape(1, 30)))
    for _, kernels, _ in fits:
        np.testing.assert_allclose([leaf[0] for leaf in kernels], middle, rtol=1e-5)


@pytest.mark.slow
def test_the_fit_finds_the_kernel_of_long_data():
    shape = FunctionShape(1, 150)
    xs = sample_functions(root_key(3), jnp.arange(1), shape).xs[0]
    kernel = gp.Kernel(jnp.float32(0.15), jnp.float32(1.2), jnp.float32(0.1))
    noise = jax.random.normal(root_key(4), (150,))
    ys = gp.factor(kernel, xs) @ noise
    lowest, highest = box(shape)
    kernels = gp.grid(lowest, highest, (8, 5, 5))
    each = gp.densities(kernels, xs, ys)
    found = jax.jit(gp.fitted)(each, kernels, xs, ys, lowest, highest)
    last = jnp.array([leaf[-1] for leaf in found])
    assert float(last[0]) == pytest.approx(0.15, rel=0.25)
    assert float(last[2]) == pytest.approx(0.1, rel=0.2)  # 150 points: ± 6 %
    assert 0.5 < float(last[1]) < 2.0  # a function of few wiggles says little of it
    errors = [abs(float(jnp.log(found.noise[n] / 0.1))) for n in (10, 149)]
    assert errors[1] < errors[0]
