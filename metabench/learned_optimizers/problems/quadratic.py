"""Quadratics of ten coordinates: ‖Wθ - y‖², all normal (Andrychowicz et al. 2016, section 3.1)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.contracts.optimizee import Optimizee

SIZE = 10
TUNING = 8000
"""Instances on which baselines are tuned. The best rates of SGD and NAG are next to the first ones
that diverge on the steepest instance, so it must be steeper than all instances of the test."""


class Quadratic(NamedTuple):
    """One problem."""

    matrix: jax.Array  # [size, size]
    target: jax.Array  # [size]


def draw(key: jax.Array, size: int = SIZE) -> Quadratic:
    """W and y, standard normal."""
    first, second = jax.random.split(key)
    return Quadratic(jax.random.normal(first, (size, size)), jax.random.normal(second, (size,)))


def value(theta: jax.Array, problem: Quadratic) -> jax.Array:
    """‖Wθ - y‖²."""
    return jnp.square(problem.matrix @ theta - problem.target).sum()


def quadratic() -> Optimizee:
    """The optimizee: the first θ is standard normal, and no step has noise."""
    return Optimizee(
        problem=draw,
        init=lambda key: jax.random.normal(key, (SIZE,)),
        loss=lambda theta, problem, data, key: value(theta, problem),
        measured=lambda theta, problem, data: value(theta, problem),
        instances=1000,
        tuning=TUNING,
    )
