"""Gradients of samples of mixtures, against quantiles that are moved by hand; and divergences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, optimize, stats

from metabench.nets.statistician.mixtures import (
    Mixture,
    divergence,
    draw,
    log_density,
    quantile_transform,
)

LOGITS = np.array([0.3, -0.4, 0.9])
MEANS = np.array([[-1.0, 0.5], [0.4, -0.7], [1.5, 1.2]])
LOG_VARS = np.array([[-0.5, 0.3], [0.2, -1.0], [-1.2, 0.1]])


def mixture(logits, means, log_vars):
    """In JAX's numbers."""
    return Mixture(
        jax.nn.log_softmax(jnp.asarray(logits)), jnp.asarray(means), jnp.asarray(log_vars)
    )


def parts_given(before, logits, means, log_vars):
    """p(component | entries before), in numpy."""
    log = logits.copy()
    for d, value in enumerate(before):
        log = log + stats.norm(means[:, d], np.exp(log_vars[:, d] / 2)).logpdf(value)
    raised = np.exp(log - log.max())
    return raised / raised.sum()


def below(value, before, *of):
    """F(x_d | x_<d)."""
    d = len(before)
    each = stats.norm(of[1][:, d], np.exp(of[2][:, d] / 2)).cdf(value)
    return (parts_given(before, *of) * each).sum()


def quantiles(u, *of):
    """The multivariate quantile transform, by root finding."""
    found = []
    for one in u:
        found.append(
            optimize.brentq(lambda x, u=one: below(x, found, *of) - u, -30, 30, xtol=1e-13)
        )
    return np.array(found)


@pytest.mark.parametrize("x", [(0.2, -0.3), (-2.0, 1.5), (1.4, 1.0)])
def test_the_gradient_is_that_of_the_quantile(x):
    """In two dimensions, by every parameter, against finite differences of the inverse."""
    of = (LOGITS, MEANS, LOG_VARS)
    u = [below(x[d], list(x[:d]), *of) for d in range(2)]
    np.testing.assert_allclose(quantiles(u, *of), x, atol=1e-9)
    with jax.enable_x64(True):
        slopes = jax.jacobian(
            lambda *of: quantile_transform(mixture(*of), jnp.asarray(x)), argnums=(0, 1, 2)
        )(*map(jnp.asarray, of))
    for which, slope in enumerate(slopes):
        for place in np.ndindex(of[which].shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [one.copy() for one in of]
                moved[which][place] += step
                ends.append(quantiles(u, *moved))
            expected = (ends[0] - ends[1]) / 2e-5
            np.testing.assert_allclose(slope[:, *place], expected, rtol=1e-4, atol=1e-7)


def test_in_one_dimension_it_is_minus_the_slope_of_the_distribution_over_the_density():
    logits, means, log_vars = LOGITS, MEANS[:, :1], LOG_VARS[:, :1]
    weights, x = np.exp(LOGITS) / np.exp(LOGITS).sum(), 0.7
    each = stats.norm(means[:, 0], np.exp(log_vars[:, 0] / 2))
    # By the logits: dF/dlogit_j = w_j (F_j - F).
    expected = -weights * (each.cdf(x) - weights @ each.cdf(x)) / (weights @ each.pdf(x))
    with jax.enable_x64(True):
        found = jax.grad(
            lambda logits: quantile_transform(mixture(logits, means, log_vars), jnp.array([x]))[0]
        )(jnp.asarray(logits))
    np.testing.assert_allclose(found, expected, rtol=1e-8)


@pytest.fixture(scope="module")
def estimates():
    """Gradients of E[sin(x_1) + x_1 x_2] by all parameters: of 100,000 samples, both ways."""

    def value(x):
        return jnp.sin(x[0]) + x[0] * x[1]

    def sampled(of, key):
        return value(draw(key, mixture(*of)))

    def moved(of, key):
        x = jax.lax.stop_gradient(draw(key, mixture(*of)))
        return value(quantile_transform(mixture(*of), x))

    of = tuple(jnp.asarray(one, jnp.float32) for one in (LOGITS, MEANS, LOG_VARS))
    keys = jax.random.split(jax.random.key(0), 100_000)
    both = jax.jit(jax.vmap(lambda key: [jax.grad(f)(of, key) for f in (sampled, moved)]))(keys)
    return [[(np.asarray(g).mean(0), np.asarray(g).std(0) / 1e5**0.5) for g in one] for one in both]


def exact(logits, means, log_vars):
    """E[sin(x_1) + x_1 x_2]: of a normal, E[sin] is exp(-var / 2) sin(mean)."""
    weights = np.exp(logits) / np.exp(logits).sum()
    sines = np.exp(-np.exp(log_vars[:, 0]) / 2) * np.sin(means[:, 0])
    return weights @ (sines + means[:, 0] * means[:, 1])


def test_gradients_of_samples_are_those_of_the_expectation(estimates):
    """Of the weights as Graves has it, of means and variances reparametrised or by quantiles."""
    of = (LOGITS, MEANS, LOG_VARS)
    for found in estimates:
        for which, (mean, error) in enumerate(found):
            for place in np.ndindex(of[which].shape):
                ends = []
                for step in (1e-4, -1e-4):
                    changed = [one.copy() for one in of]
                    changed[which][place] += step
                    ends.append(exact(*changed))
                expected = (ends[0] - ends[1]) / 2e-4
                assert abs(mean[place] - expected) < 4.5 * error[place] + 1e-3
    reparametrised, by_quantiles = (one[1][0] for one in estimates)
    np.testing.assert_allclose(reparametrised, by_quantiles, atol=0.03)
    assert np.abs(reparametrised).max() > 0.1


def test_samples_and_density_are_of_the_mixture():
    of = mixture(LOGITS, MEANS, LOG_VARS)
    wide = jax.tree.map(lambda one: jnp.broadcast_to(one, (50_000, *one.shape)), of)
    found = np.asarray(draw(jax.random.key(1), wide))
    for u in (0.1, 0.5, 0.9):
        x = quantiles([u, 0.5], LOGITS, MEANS, LOG_VARS)[0]
        assert abs((found[:, 0] < x).mean() - u) < 0.01
    weights = np.exp(LOGITS) / np.exp(LOGITS).sum()
    each = stats.norm(MEANS, np.exp(LOG_VARS / 2)).logpdf([0.1, -0.2]).sum(1)
    found = log_density(of, jnp.array([0.1, -0.2]))
    np.testing.assert_allclose(found, np.log(weights @ np.exp(each)), rtol=1e-5)


def test_the_divergence_is_near_the_integral_and_zero_for_equals():
    q = mixture(LOGITS, MEANS[:, :1], LOG_VARS[:, :1])
    p = mixture(LOGITS[::-1], MEANS[:, 1:] + 2, LOG_VARS[:, 1:])

    def term(x):
        a, b = (float(log_density(one, jnp.array([x]))) for one in (q, p))
        return np.exp(a) * (a - b)

    exact_value = integrate.quad(term, -8, 8, limit=60, epsabs=1e-3)[0]
    assert abs(float(divergence(q, p)) - exact_value) < 0.25 * exact_value
    np.testing.assert_allclose(divergence(q, q), 0, atol=1e-6)
