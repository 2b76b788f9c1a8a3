"""One run on functions: meta-training, evaluation, and what is forecast of some of them.

After Santoro et al. 2016, section 4.2. It prints nothing and draws nothing, but reports its
progress to a `Watcher`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.errors import UserError
from metabench.scoring.functions import collect, make_densities
from metabench.seeds import VALIDATION_SEED, root_key
from metabench.tasks import gaussian_process
from metabench.tasks.functions import sample_functions
from metabench.tracks.forecast.document import document_of
from metabench.tracks.forecast.plan import TEST_SEED, ForecastPlan
from metabench.training.checkpoints import opened
from metabench.training.loop import Trained
from metabench.training.meta_training import meta_train
from metabench.training.watcher import Watcher
from metabench.types import Forecast, Function, PyTree


class Example(NamedTuple):
    """One function after its first points, and forecasts of its values elsewhere."""

    seen: np.ndarray  # x and y of the points that were shown, [points, 2]
    later: np.ndarray  # of the points that come after
    xs: np.ndarray  # the places of the forecasts, [places]
    learner: Forecast
    gp: Forecast  # of the Gaussian process with the true kernel


class Outcome(NamedTuple):
    """The outcome of a run."""

    document: dict[str, Any]
    examples: tuple[Example, ...]  # empty if functions have several inputs


def execute(plan: ForecastPlan, *, resume: bool, command: str, watcher: Watcher) -> Outcome:
    """Train, and evaluate on the test functions, beside references that need no training.

    Args:
      plan: from `plan_forecast`.
      resume: continue from a checkpoint of the same settings; otherwise it is moved away.
      command: the command line, for the result.
      watcher: told of progress.

    Raises:
      UserError: training diverged, or what was trained gives no finite forecasts.
    """
    trained = _train(plan, resume, watcher)
    run, done = make_densities(plan.learner, plan.shape, references=True), 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        watcher.evaluating(plan.seed, done, plan.functions)

    state = trained.selected(plan.lengths.select).state
    found = collect(run, state, seed=TEST_SEED, functions=plan.functions, progress=advance)
    _check_numbers(found["learner"])
    document = document_of(plan, trained, found, command)
    return Outcome(document, _examples(plan, state))


def _check_numbers(densities: np.ndarray) -> None:
    """`UserError` where densities [functions, steps] of the learner are no finite numbers."""
    lost = int((~np.isfinite(densities)).any(1).sum())
    if lost:
        raise UserError(
            f"in {lost:,} of {len(densities):,} test functions the learner's forecasts have no "
            "finite density, so there is no result; lower `learning_rate` or set `clip`"
        )


def _train(plan: ForecastPlan, resume: bool, watcher: Watcher) -> Trained:
    run = make_densities(plan.learner, plan.shape, references=False)

    def validate(state: PyTree) -> float:
        number = plan.lengths.validation_episodes
        found = collect(run, state, seed=VALIDATION_SEED, functions=number)
        return float(found["learner"].mean())

    with opened(plan.folder / f"seed{plan.seed}", resume, watcher.note) as checkpoints:
        trained = meta_train(
            plan.learner,
            plan.shape,
            None,
            validate,
            plan.lengths,
            seed=plan.seed,
            checkpoints=checkpoints,
            progress=lambda report: watcher.training(plan.seed, report),
        )
    watcher.trained(plan.seed, trained)
    return trained


def _examples(plan: ForecastPlan, state: PyTree) -> tuple[Example, ...]:
    """The first three test functions of one input after a quarter of their points."""
    if plan.shape.dimensions != 1:
        return ()
    key, seen = root_key(TEST_SEED), max(plan.shape.points // 4, 1)
    functions = jax.jit(sample_functions, static_argnums=2)(key, jnp.arange(3), plan.shape)
    places = jnp.linspace(-1.0, 1.0, 201)

    @jax.jit
    def forecasts(function: Function) -> tuple[Forecast, Forecast]:
        xs, ys = function.xs[:seen], function.ys[:seen]
        task = plan.learner.adapt(state, xs, ys, key)
        mine = plan.learner.predict(task, places[:, None])
        return mine, gaussian_process.at(function.kernel, xs, ys, places[:, None])

    examples = []
    for number in range(3):
        xs, ys = functions.xs[number], functions.ys[number]
        kernel = gaussian_process.Kernel(*(leaf[number] for leaf in functions.kernel))
        mine, exact = forecasts(Function(xs, ys, kernel))
        points = np.concatenate([np.asarray(xs), np.asarray(ys)[:, None]], axis=1)
        example = Example(points[:seen], points[seen:], np.asarray(places), mine, exact)
        examples.append(example)
    return tuple(examples)
