"""Diagonal Gaussians: density, sample, Kullback-Leibler divergence. No parameters, no networks."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

LOG_2PI = 1.8378770664093453


class Gaussian(NamedTuple):
    """Independent normal distributions along the last axis."""

    mean: Array  # [..., d]
    log_var: Array  # [..., d]


def standard(shape: tuple[int, ...]) -> Gaussian:
    """Mean 0, variance 1."""
    return Gaussian(jnp.zeros(shape), jnp.zeros(shape))


def draw(key: Array, gaussian: Gaussian) -> Array:
    """One sample of each, [..., d], differentiable in mean and variance (reparametrised)."""
    noise = jax.random.normal(key, gaussian.mean.shape, gaussian.mean.dtype)
    return gaussian.mean + jnp.exp(0.5 * gaussian.log_var) * noise


def log_density(gaussian: Gaussian, x: Array) -> Array:
    """Log N(x), summed over the last axis: [..., d] to [...], in nats."""
    square = jnp.square(x - gaussian.mean) * jnp.exp(-gaussian.log_var)
    return -0.5 * (LOG_2PI + gaussian.log_var + square).sum(-1)


def kl(q: Gaussian, p: Gaussian) -> Array:
    """KL(q ‖ p), summed over the last axis: [...] in nats. Axes of length 1 are broadcast."""
    ratio = jnp.exp(q.log_var - p.log_var)
    apart = jnp.square(q.mean - p.mean) * jnp.exp(-p.log_var)
    return 0.5 * (ratio + apart - 1 + p.log_var - q.log_var).sum(-1)
