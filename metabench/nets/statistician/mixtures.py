"""Mixtures of diagonal Gaussians: density, divergence, and samples that have gradients.

A sample's gradient by the means and variances is that of the component that it is drawn from,
reparametrised. That by the weights is Graves's (2016, equations 5 to 9): the sample is read as the
multivariate quantile transform of fixed uniform numbers, entry by entry, each given those before.
Unlike an estimate from the score of the component, it needs only the gradient at the sample.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from metabench.nets.statistician.gaussians import LOG_2PI, Gaussian, kl

LEAST = 1e-20  # of a density that is divided by


class Mixture(NamedTuple):
    """Weighted Gaussians over vectors of d numbers."""

    log_weights: Array  # [..., components], normalised
    mean: Array  # [..., components, d]
    log_var: Array  # [..., components, d]

    @property
    def components(self) -> Gaussian:
        """The Gaussians, [..., components, d]."""
        return Gaussian(self.mean, self.log_var)


def centre(mixture: Mixture) -> Array:
    """The mean of the whole, [..., d]."""
    return (jnp.exp(mixture.log_weights)[..., None] * mixture.mean).sum(-2)


def log_density(mixture: Mixture, x: Array) -> Array:
    """Log p(x): [..., d] to [...], in nats."""
    each = _log_densities(mixture, x[..., None, :]).sum(-1)
    return jax.nn.logsumexp(mixture.log_weights + each, -1)


def _log_densities(mixture: Mixture, x: Array) -> Array:
    """Of each entry in each component: [..., 1, d] to [..., components, d]."""
    square = jnp.square(x - mixture.mean) * jnp.exp(-mixture.log_var)
    return -0.5 * (LOG_2PI + mixture.log_var + square)


def draw(key: Array, mixture: Mixture) -> Array:
    """One sample of each, [..., d], differentiable in weights, means and variances."""
    which, noise = jax.random.split(key)
    chosen = jax.random.categorical(which, mixture.log_weights)[..., None, None]
    mean, log_var = (
        jnp.take_along_axis(one, chosen, -2)[..., 0, :] for one in (mixture.mean, mixture.log_var)
    )
    found = mean + jnp.exp(0.5 * log_var) * jax.random.normal(noise, mean.shape, mean.dtype)
    fixed = jax.lax.stop_gradient(mixture)._replace(log_weights=mixture.log_weights)
    moved = quantile_transform(fixed, jax.lax.stop_gradient(found))
    return found + moved - jax.lax.stop_gradient(moved)


def quantile_transform(mixture: Mixture, x: Array) -> Array:
    """`x`, [..., d], with the gradient that it has as a quantile of fixed uniform numbers.

    Entry d is where the distribution function of entry d given those before it takes a fixed value,
    F(x_d | x_<d) = u_d. It moves with the parameters by -dF / f: of F and of the entries before it.
    """
    entries = (
        jnp.moveaxis(x, -1, 0),
        jnp.moveaxis(mixture.mean, -1, 0),
        jnp.moveaxis(mixture.log_var, -1, 0),
    )

    def entry(log_parts: Array, one: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        """`log_parts`: of the components given the entries before, [..., components]."""
        x, mean, log_var = one
        parts, still = jax.nn.softmax(log_parts), jax.lax.stop_gradient(x)[..., None]
        below = (parts * _below(still, mean, log_var)).sum(-1)
        scale = jax.lax.stop_gradient((parts * jnp.exp(_log_normal(still, mean, log_var))).sum(-1))
        x = x - (below - jax.lax.stop_gradient(below)) / jnp.maximum(scale, LEAST)
        return log_parts + _log_normal(x[..., None], mean, log_var), x

    return jnp.moveaxis(jax.lax.scan(entry, mixture.log_weights, entries)[1], 0, -1)


def _below(x: Array, mean: Array, log_var: Array) -> Array:
    """The normal distribution function."""
    return jax.scipy.special.ndtr((x - mean) * jnp.exp(-0.5 * log_var))


def _log_normal(x: Array, mean: Array, log_var: Array) -> Array:
    return -0.5 * (LOG_2PI + log_var + jnp.square(x - mean) * jnp.exp(-log_var))


def divergence(q: Mixture, p: Mixture) -> Array:
    """An approximation of KL(q ‖ p) without samples, [...] in nats; axes of length 1 are broadcast.

    Hershey & Olsen 2007, equation 20: from the divergences between components. It is exact for
    single Gaussians, and 0 for equal mixtures.
    """
    within = -_pairs(q, q) + q.log_weights[..., None, :]
    across = -_pairs(q, p) + p.log_weights[..., None, :]
    gap = jax.nn.logsumexp(within, -1) - jax.nn.logsumexp(across, -1)
    return (jnp.exp(q.log_weights) * gap).sum(-1)


def _pairs(q: Mixture, p: Mixture) -> Array:
    """KL of every pair of components, [..., components of q, components of p]."""
    first = Gaussian(q.mean[..., :, None, :], q.log_var[..., :, None, :])
    return kl(first, Gaussian(p.mean[..., None, :, :], p.log_var[..., None, :, :]))
