"""The sampler of functions to forecast, drawn from a Gaussian process, pure and jit-able.

Like an episode, function `i` depends on (key, i, shape) alone. The logarithms of its kernel's
parameters are uniform in the ranges below, its points are uniform in [-1, 1]^d. No models, no
I/O.

After Santoro et al. 2016, section 4.2; the ranges are ours. Length scales grow with √d, as
the distances between points do, so that points stay about equally correlated.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from metabench.errors import UserError
from metabench.tasks.gaussian_process import Kernel, factor, inside
from metabench.tasks.shift import step_before
from metabench.types import Forecast, Function, FunctionShape

LENGTH = (0.1, 1.0)  # times √dimensions
AMPLITUDE = (0.5, 2.0)
NOISE = (0.05, 0.2)  # standard deviation; in float32 it also keeps covariances well conditioned
MOST_POINTS = 200  # for the same reason
MOST_DIMENSIONS = 10


def check_functions(shape: FunctionShape) -> None:
    """Raise `UserError` if no functions of this shape can be drawn."""
    limits = (("dimensions", 1, MOST_DIMENSIONS), ("points", 2, MOST_POINTS))
    for name, lowest, highest in limits:
        value = getattr(shape, name)
        if not lowest <= value <= highest:
            raise UserError(f"`{name}` is {value}; it must be from {lowest} to {highest}")


def box(shape: FunctionShape) -> tuple[Kernel, Kernel]:
    """The kernels with the smallest and with the largest parameters that are drawn."""
    root = math.sqrt(shape.dimensions)
    ranges = (tuple(root * one for one in LENGTH), AMPLITUDE, NOISE)
    lowest, highest = (Kernel(*(jnp.float32(one[side]) for one in ranges)) for side in (0, 1))
    return lowest, highest


def sample_functions(key: jax.Array, indices: jax.Array, shape: FunctionShape) -> Function:
    """Functions `indices` [batch] of the family `key`, each leaf with a leading axis for them."""
    lowest, highest = box(shape)

    def one(index: jax.Array) -> Function:
        kernels, points, values = jax.random.split(jax.random.fold_in(key, index), 3)
        kernel = inside(jax.random.uniform(kernels, (3,)), lowest, highest)
        size = (shape.points, shape.dimensions)
        xs = jax.random.uniform(points, size, minval=-1.0, maxval=1.0)
        ys = factor(kernel, xs) @ jax.random.normal(values, (shape.points,))
        return Function(xs, ys, kernel)

    return jax.vmap(one)(indices)


def shown_values(ys: jax.Array) -> jax.Array:
    """The y of the step before, along the last axis; 0 at the first."""
    return step_before(ys, axis=-1)


def prior(steps: int) -> Forecast:
    """The same Gaussian at every step: mean and variance of a value before any point is known."""
    variance = sum(
        (high**2 - low**2) / (2 * math.log(high / low)) for low, high in (AMPLITUDE, NOISE)
    )
    return Forecast(jnp.zeros(steps), jnp.full(steps, math.sqrt(variance)))
