"""What is asked of the posterior of a context, be it one Gaussian or a mixture of them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import jax
from jax import Array

from metabench.nets.statistician import gaussians, mixtures
from metabench.nets.statistician.gaussians import Gaussian
from metabench.nets.statistician.mixtures import Mixture

Posterior: TypeAlias = Literal["gaussian", "mixture"]
Context: TypeAlias = Gaussian | Mixture


def draw(key: Array, context: Context) -> Array:
    """One sample of each, [..., d], differentiable in all parameters."""
    if isinstance(context, Mixture):
        return mixtures.draw(key, context)
    return gaussians.draw(key, context)


def centre(context: Context) -> Array:
    """The mean, [..., d]."""
    return mixtures.centre(context) if isinstance(context, Mixture) else context.mean


def from_prior(context: Context, c: Array) -> Array:
    """KL from the standard normal prior, [...] in nats: of a mixture an estimate at its sample `c`.

    The estimate is unbiased: log q(c) - log p(c).
    """
    prior = gaussians.standard((1,) * c.ndim)
    if isinstance(context, Mixture):
        return mixtures.log_density(context, c) - gaussians.log_density(prior, c)
    return gaussians.kl(context, prior)


def kl(q: Context, p: Context) -> Array:
    """KL(q ‖ p), [...] in nats; between mixtures it is approximated, without samples.

    Axes of length 1 are broadcast. Both are of the same kind.
    """
    if isinstance(q, Mixture) and isinstance(p, Mixture):
        return mixtures.divergence(q, p)
    if isinstance(q, Gaussian) and isinstance(p, Gaussian):
        return gaussians.kl(q, p)
    raise TypeError(f"{type(q).__name__} and {type(p).__name__} are of two kinds")


def kl_between(queries: Context, classes: Context, *, from_queries: bool) -> Array:
    """The divergence of every pair of a query and a class, [n, m].

    Args:
      queries: q(c | x), with n in front.
      classes: q(c | D_k), with m in front.
      from_queries: KL(query ‖ class); else KL(class ‖ query).
    """
    query = jax.tree.map(lambda one: one[:, None], queries)
    one_class = jax.tree.map(lambda one: one[None], classes)
    return kl(query, one_class) if from_queries else kl(one_class, query)
