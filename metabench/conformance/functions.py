"""What every learner of functions must do; raises `ConformanceError`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.conformance.subject import BATCH, Subject, require
from metabench.seeds import root_key
from metabench.tasks.functions import shown_values
from metabench.tasks.kinds import sample_tasks
from metabench.types import Forecast, Function, FunctionShape

SHAPE = FunctionShape(dimensions=2, points=8)


def check_forecasts(subject: Subject) -> None:
    """Forecasts are Gaussians that do not depend on what comes later, and can be trained.

    Skipped where the factory does not say that it takes functions.
    """
    if not subject.takes_functions:
        return
    learner, key = subject.build(SHAPE), root_key(0)
    require(
        learner.forecast is not None and learner.train is not None,
        "built for a `FunctionShape`, a learner must have `forecast` and `train`",
    )
    assert learner.forecast is not None
    assert learner.train is not None
    functions = sample_tasks(key, jnp.arange(BATCH), None, SHAPE)
    assert isinstance(functions, Function)
    state, forecast = jax.jit(learner.init)(key), jax.jit(learner.forecast)
    _, metrics = jax.jit(learner.train)(state, functions, key)
    require(bool(jnp.isfinite(metrics["loss"])), "the loss on functions must be finite")
    xs, ys, early = functions.xs[0], functions.ys[0], SHAPE.points // 2
    before = forecast(state, xs, shown_values(ys), key)
    _check_gaussians(before)
    steps = jnp.arange(SHAPE.points)
    # The value of step t is shown at t + 1: those of the later steps, and of the last early one.
    other_xs = jnp.where((steps >= early)[:, None], functions.xs[1], xs)
    other_ys = jnp.where(steps >= early - 1, functions.ys[1], ys)
    after = forecast(state, other_xs, shown_values(other_ys), key)
    apart = max(
        float(jnp.abs(one - other)[:early].max()) for one, other in zip(before, after, strict=True)
    )
    require(
        apart < 1e-5,
        "forecasts must not depend on their own value nor on later points, but differ by "
        f"{apart:.3g}",
    )


def _check_gaussians(found: Forecast) -> None:
    shapes = [list(leaf.shape) for leaf in found]
    finite = all(bool(jnp.isfinite(leaf).all()) for leaf in found)
    require(
        shapes == [[SHAPE.points]] * 2 and finite and bool((found.deviation > 0).all()),
        "`forecast` must return a finite mean and a positive deviation for each step, shapes "
        f"{[SHAPE.points]}, not {shapes}",
    )
