"""Densities and divergences of Gaussians against numerical integrals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from metabench.nets.statistician.gaussians import (
    Gaussian,
    draw,
    kl,
    log_density,
    standard,
)

RNG = np.random.default_rng(0)


def gaussian(*shape):
    return Gaussian(*(jnp.asarray(RNG.normal(size=shape), jnp.float32) for _ in range(2)))


def frozen(one):
    """scipy's distributions of a Gaussian [d]."""
    scale = np.exp(np.asarray(one.log_var, np.float64) / 2)
    return [stats.norm(m, s) for m, s in zip(np.asarray(one.mean, np.float64), scale, strict=True)]


def integrated(q, p):
    """KL(q ‖ p) by quadrature, one dimension after the other."""
    total = 0.0
    for a, b in zip(frozen(q), frozen(p), strict=True):

        def term(x, a=a, b=b):
            return a.pdf(x) * (a.logpdf(x) - b.logpdf(x))

        low, high = a.mean() - 12 * a.std(), a.mean() + 12 * a.std()
        total += integrate.quad(term, low, high, limit=200)[0]
    return total


@pytest.mark.parametrize("size", [1, 3])
def test_kl_is_the_integral(size):
    q, p = gaussian(size), gaussian(size)
    np.testing.assert_allclose(kl(q, p), integrated(q, p), rtol=1e-5)
    np.testing.assert_allclose(
        kl(q, standard((size,))), integrated(q, standard((size,))), rtol=1e-5
    )
    np.testing.assert_allclose(kl(q, q), 0, atol=1e-6)


def test_log_density():
    g, x = gaussian(3), jnp.asarray([0.3, -1.0, 2.0])
    expected = sum(one.logpdf(float(v)) for one, v in zip(frozen(g), x, strict=True))
    np.testing.assert_allclose(log_density(g, x), expected, rtol=1e-5)


def test_samples_have_the_moments_and_carry_gradients():
    wide = Gaussian(jnp.full((200_000, 1), 2.0), jnp.full((200_000, 1), jnp.log(9.0)))
    found = np.asarray(draw(jax.random.key(0), wide))
    assert abs(found.mean() - 2) < 0.03
    assert abs(found.std() - 3) < 0.03
    zero = Gaussian(jnp.zeros(1), jnp.zeros(1))
    noise = draw(jax.random.key(1), zero)
    gradient = jax.grad(lambda g: draw(jax.random.key(1), g).sum())(zero)
    np.testing.assert_allclose(gradient.mean, 1)
    np.testing.assert_allclose(gradient.log_var, noise / 2, rtol=1e-6)
