"""Mixtures of Gaussians of one variable: a network of them given another variable, and their fit.

The conditional models are mixture density networks, the marginal ones are fitted by EM, both with
as many components as the authors take.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.types import PyTree

LEAST = 1e-2  # the least variance of a component
HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


class Mixture(NamedTuple):
    """Components along the last axis."""

    log_weights: jax.Array  # [..., components], normalised
    means: jax.Array  # [..., components]
    log_deviations: jax.Array  # [..., components]


def log_density(mixture: Mixture, x: jax.Array) -> jax.Array:
    """The log p(x) in nats, for x [n] and a mixture with components [n or 1, components]."""
    return jax.nn.logsumexp(_terms(mixture, x), -1)


def _terms(mixture: Mixture, x: jax.Array) -> jax.Array:
    units = (x[:, None] - mixture.means) * jnp.exp(-mixture.log_deviations)
    return mixture.log_weights - mixture.log_deviations - HALF_LOG_2_PI - 0.5 * jnp.square(units)


def fitted(x: jax.Array, components: int, rounds: int) -> Mixture:
    """A mixture [1, components] after some rounds of EM on x [n], which begin at its quantiles."""
    share = (jnp.arange(components) + 0.5) / components
    spread = jnp.log(jnp.maximum(x.std() / components, LEAST))
    flat = jnp.zeros((1, components))
    first = Mixture(flat - math.log(components), jnp.quantile(x, share)[None], flat + spread)

    def improve(mixture: Mixture, nothing: None) -> tuple[Mixture, None]:
        parts = jax.nn.softmax(_terms(mixture, x), -1)  # [n, components]
        mass = parts.sum(0, keepdims=True) + 1e-6
        means = (parts * x[:, None]).sum(0, keepdims=True) / mass
        variances = (parts * jnp.square(x[:, None] - means)).sum(0, keepdims=True) / mass
        deviations = 0.5 * jnp.log(jnp.maximum(variances, LEAST))
        return Mixture(jnp.log(mass / mass.sum()), means, deviations), None

    return jax.lax.scan(improve, first, None, rounds)[0]


def new_network(key: jax.Array, hidden: int, components: int) -> PyTree:
    """First parameters of a network that reads one number, with one hidden layer."""
    one, two, three, four = jax.random.split(key, 4)
    return {
        "inner": jax.random.normal(one, (hidden,)),
        "inner_bias": jax.random.normal(two, (hidden,)),
        "outer": jax.random.normal(three, (hidden, 3, components)) / hidden**0.5,
        "outer_bias": jnp.zeros((3, components))
        .at[1]
        .set(3 * jax.random.normal(four, (components,))),
    }


def conditional(params: PyTree, given: jax.Array) -> Mixture:
    """The mixture of the network for each of `given` [n]: its fields are [n, components]."""
    hidden = jnp.tanh(given[:, None] * params["inner"][None] + params["inner_bias"][None])
    found = jnp.einsum("nh,hpc->npc", hidden, params["outer"]) + params["outer_bias"][None]
    weights = jax.nn.log_softmax(found[:, 0])
    return Mixture(weights, found[:, 1], jnp.maximum(found[:, 2], 0.5 * jnp.log(LEAST)))
