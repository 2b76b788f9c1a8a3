"""The score of regression: the log density of each point, given the points before it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.compute.devices import asked, copied, here
from metabench.compute.episodewise import in_parts
from metabench.compute.native import native
from metabench.contracts.learner import Forecaster
from metabench.scoring.answers import checked_forecast
from metabench.scoring.summary import half_width
from metabench.seeds import root_key
from metabench.tasks import gaussian_process
from metabench.tasks.functions import box, prior, sample_functions, shown_values
from metabench.types import Function, FunctionShape, PyTree

CHUNK = 50  # functions evaluated in one compiled call


class Interval(NamedTuple):
    """Means over functions, and half-widths of their 95 % intervals; in nats per point."""

    by_step: np.ndarray  # [steps]
    by_step_ci95: np.ndarray
    mean: float  # over all steps
    ci95: float


def learner_densities(
    learner: Forecaster, state: PyTree, functions: Function, key: jax.Array
) -> jax.Array:
    """Log densities under the learner's forecasts, [batch, steps]."""

    def one(function: Function) -> jax.Array:
        found = checked_forecast(
            learner.forecast(state, function.xs, shown_values(function.ys), key),
            "forecast",
            len(function.ys),
        )
        return gaussian_process.log_density(found, function.ys)

    return jax.vmap(one)(functions)


def reference_densities(function: Function, shape: FunctionShape) -> dict[str, jax.Array]:
    """Log densities [steps] of one function under references that need no training, by name.

    `gp_true` knows the kernel, `gp_fitted` fits it to the points so far, `gp_averaged` weighs
    all kernels by the points so far, `prior` is one Gaussian for every point.
    """
    lowest, highest = box(shape)
    xs, ys, kernel = function
    kernels = gaussian_process.grid(lowest, highest, gaussian_process.GRID)
    each = gaussian_process.densities(kernels, xs, ys)
    fitted = gaussian_process.fitted(each, kernels, xs, ys, lowest, highest)
    known = gaussian_process.sequential(kernel, xs, ys)
    return {
        "gp_true": gaussian_process.log_density(known, ys),
        "gp_fitted": jnp.diagonal(gaussian_process.densities(fitted, xs, ys)),
        "gp_averaged": gaussian_process.averaged(each),
        "prior": gaussian_process.log_density(prior(shape.points), ys),
    }


def make_densities(
    learner: Forecaster, shape: FunctionShape, references: bool
) -> Callable[[PyTree, jax.Array, jax.Array | np.ndarray], dict[str, jax.Array]]:
    """`run(state, key, indices) -> densities by name`, each [indices, steps]; compiled.

    On several devices, each computes a part of the indices, which they divide.

    Args:
      learner: with a `forecast`; its densities are called `learner`.
      shape: of the functions.
      references: whether to include `reference_densities`.
    """

    def run(state: PyTree, key: jax.Array, indices: jax.Array) -> dict[str, jax.Array]:
        functions = sample_functions(key, indices, shape)
        found = {"learner": learner_densities(learner, state, functions, key)}
        if references:
            # One function at a time: its grid of kernels is a batch already.
            found |= jax.lax.map(partial(reference_densities, shape=shape), functions)
        return found

    return in_parts(run, _devices())


def _devices() -> list[jax.Device]:
    """One core computes with all others, unless somebody said how many devices there are."""
    return here() if native() or asked() else here()[:1]


def collect(
    run: Callable[[PyTree, jax.Array, jax.Array | np.ndarray], dict[str, jax.Array]],
    state: PyTree,
    *,
    seed: int,
    functions: int,
    numbers: np.ndarray | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, np.ndarray]:
    """Log densities of functions 0 … `functions`-1 of `seed`, by name, each [functions, steps].

    Args:
      run: from `make_densities`.
      state: of the learner.
      seed: of the functions.
      functions: how many.
      numbers: which, [functions]; the first ones if None.
      progress: called with the number of functions done since the last call.
    """
    devices, found = _devices(), []
    size = -(-CHUNK // len(devices)) * len(devices)
    state, key = copied((state, root_key(seed)), devices)
    asked = np.arange(functions + size, dtype=np.int32)
    if numbers is not None:
        asked[:functions] = numbers
    for start in range(0, functions, size):
        # The last chunk extends beyond the end, so that only one shape is compiled.
        chunk = run(state, key, asked[start : start + size])
        found.append({name: np.asarray(values) for name, values in chunk.items()})
        progress(min(size, functions - start))
    return {name: np.concatenate([chunk[name] for chunk in found])[:functions] for name in found[0]}


def interval(densities: np.ndarray) -> Interval:
    """Means and intervals over functions of values [functions, steps]."""
    values = np.asarray(densities, np.float64)
    whole = values.mean(1)
    return Interval(
        values.mean(0), half_width(values), float(whole.mean()), float(half_width(whole))
    )
