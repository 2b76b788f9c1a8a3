"""What a learner of functions must do."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.conformance.built import one
from metabench.conformance.check import arrays_alone, named, require
from metabench.conformance.comparing import form
from metabench.conformance.subject import FUNCTIONS, Subject
from metabench.contracts.learner import learned
from metabench.seeds import root_key
from metabench.tasks.functions import shown_values
from metabench.types import Forecast

STEPS, EARLY = FUNCTIONS.points, FUNCTIONS.points // 2


def check_forecast_contract(subject: Subject) -> None:
    """`forecast`, and `adapt` with `predict`, return finite Gaussians for each point."""
    built, key = subject.functions, root_key(0)
    learner, function = built.learner, one(built.tasks())
    with arrays_alone("state and task must be pytrees of arrays that pass through `jax.jit`"):
        state = built.init.eval_shape(key)
        jax.eval_shape(learner.forecast, state, function.xs, shown_values(function.ys), key)
        jax.eval_shape(learner.adapt, state, function.xs, function.ys, key)
    require_gaussians("forecast", built.answer(built.initial, function, key), STEPS)

    @jax.jit
    def predicted() -> Forecast:
        xs, ys = function.xs[:EARLY], function.ys[:EARLY]
        task = learner.adapt(built.initial, xs, ys, key)
        return learner.predict(task, function.xs[EARLY:])

    require_gaussians("predict", predicted(), STEPS - EARLY)


def require_gaussians(name: str, found: Forecast, number: int) -> None:
    """`found`, of the function called `name`, is `number` finite means and positive deviations."""
    wanted = f"a finite mean and a positive deviation for each point, shapes {[number]}"
    require(
        isinstance(found, Forecast), f"`{name}` must return a `Forecast`, {wanted}, not {found}"
    )
    finite = all(bool(jnp.isfinite(leaf).all()) for leaf in found)
    require(
        [leaf.shape for leaf in found] == [(number,)] * 2
        and finite
        and bool((found.deviation > 0).all()),
        f"`{name}` must return {wanted}, not {form(found)} with deviations from "
        f"{found.deviation.min():.3g} up",
    )


def check_forecast_training(subject: Subject) -> None:
    """The training step keeps the form of the state, and reports a finite loss."""
    built = subject.functions
    require(
        built.learner.training is not None, "a `Forecaster` must have a `training`, and has none"
    )
    built.require_step()
    require(
        bool(learned(built.initial)),
        f"the state of a `Forecaster` must hold learned arrays; it is {form(built.initial)}",
    )
    _, metrics = built.train(built.initial, built.training_tasks(), root_key(0))
    require(
        bool(jnp.isfinite(metrics["loss"])),
        f"the loss on functions must be finite, but is {metrics['loss']}",
    )


def check_forecast_causal(subject: Subject) -> None:
    """A forecast does not depend on its own value, nor on what comes later."""
    built, key = subject.functions, root_key(0)
    mine, theirs = one(built.tasks(), 0), one(built.tasks(), 1)
    steps = jnp.arange(STEPS)
    # The value of step t is shown at t + 1: these are of later steps, and of the last early one.
    changed = mine._replace(
        xs=jnp.where((steps >= EARLY)[:, None], theirs.xs, mine.xs),
        ys=jnp.where(steps >= EARLY - 1, theirs.ys, mine.ys),
    )
    before, after = (built.answer(built.initial, each, key) for each in (mine, changed))
    pairs = zip(before, after, strict=True)
    apart = max(float(jnp.abs(left - right)[:EARLY].max()) for left, right in pairs)
    require(
        apart < 1e-5,
        "forecasts must not depend on their own value nor on later points, but differ by "
        f"{apart:.3g}",
    )


FORECAST_CHECKS = named(check_forecast_contract, check_forecast_training, check_forecast_causal)
