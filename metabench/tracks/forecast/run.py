"""One run of the regression on functions: plan, meta-training, evaluation, result document.

After Santoro et al. 2016, section 4.2. It prints nothing and draws nothing, but tells a
`Watcher` how far it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench import registry
from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.files import canonical
from metabench.recipes import Recipe
from metabench.results import environment
from metabench.scoring.functions import Interval, collect, interval, make_densities
from metabench.seeds import VALIDATION_SEED, root_key
from metabench.tasks import gaussian_process
from metabench.tasks.functions import AMPLITUDE, LENGTH, NOISE, check_functions, sample_functions
from metabench.training.checkpoints import opened
from metabench.training.lengths import TrainPlan, train_plan
from metabench.training.loop import Trained
from metabench.training.meta_training import train_on
from metabench.training.watcher import Watcher, count
from metabench.types import Forecast, Function, FunctionShape, PyTree

SCHEMA_VERSION = 1
VERSION = 1  # of the protocol: the sampler and its ranges
TEST_SEED = 0
AGAINST = ("gp_fitted", "gp_true", "gp_averaged", "prior")  # what the learner is paired with


@dataclass(frozen=True)
class RegressionPlan:
    """A run, checked: everything that can be wrong has been refused by now."""

    learner_name: str
    learner: Learner
    hyperparameters: Mapping[str, Any]
    recipe: Recipe
    train: TrainPlan
    shape: FunctionShape
    functions: int  # in the test
    seed: int  # of the training
    run_dir: Path

    @property
    def protocol(self) -> str:
        """For example `functions-1d-40points-v1`."""
        departure = "" if self.functions == 1000 else f"-{self.functions}functions"
        points = f"{self.shape.dimensions}d-{self.shape.points}points"
        return f"functions-{points}{departure}-v{VERSION}"

    @property
    def folder(self) -> Path:
        """Where this run's checkpoints are: one folder for each setting."""
        settings = [self.learner_name, dict(self.hyperparameters), asdict(self.train)]
        name = f"{self.learner_name}-{canonical.fingerprint(settings)}"
        return self.run_dir / self.protocol / name


class Example(NamedTuple):
    """One function after its first points: what is forecast of values elsewhere."""

    seen: np.ndarray  # x and y of the points that were shown, [points, 2]
    later: np.ndarray  # of those that come after
    xs: np.ndarray  # where forecasts are, [places]
    learner: Forecast
    gp: Forecast  # of the process with the true kernel


class Outcome(NamedTuple):
    """What a run ends in."""

    document: dict[str, Any]
    examples: tuple[Example, ...]  # empty where functions have several inputs


def plan_regression(
    learner: str,
    shape: FunctionShape,
    *,
    recipe: Recipe,
    settings: Mapping[str, Any],
    train: Mapping[str, Any],
    functions: int,
    seed: int,
    run_dir: Path,
) -> RegressionPlan:
    """Check a run and put its parts together.

    Args:
      learner: registered name.
      shape: of the functions.
      recipe: hyperparameters and lengths.
      settings: hyperparameters that override the recipe's.
      train: fields of `TrainPlan` that override the recipe's; its episodes are functions here.
      functions: in the test.
      seed: of everything random in training.
      run_dir: for checkpoints.

    Raises:
      UserError: a learner without a part in this, an unknown option, a wrong value.
    """
    check_functions(shape)
    if not 2 <= functions < 2**30:
        raise UserError(f"`functions` is {functions}; it must be at least 2 and below 2^30")
    _check_part(learner)
    plan = train_plan({**recipe.train, **train})
    chosen = {**recipe.learner, **settings}
    if "steps" in registry.options(learner):
        chosen.setdefault("steps", plan.steps)
    built = registry.build_learner(learner, shape, chosen)
    if built.forecast is None:
        raise UserError(f"`learner` is {learner}, which was built for functions without `forecast`")
    defaults = {name: p.default for name, p in registry.options(learner).items()}
    hyperparameters = {**defaults, **chosen}
    return RegressionPlan(
        learner, built, hyperparameters, recipe, plan, shape, functions, seed, run_dir
    )


def _check_part(learner: str) -> None:
    """`UserError` where the learner's factory does not say that it takes functions."""
    if not registry.takes(learner, FunctionShape):
        able = [name for name in registry.names("learners") if registry.takes(name, FunctionShape)]
        raise UserError(
            f"`learner` is {learner}, which has no part in the regression (it takes no "
            f"`FunctionShape`); take one of: {', '.join(able)}"
        )


def execute(plan: RegressionPlan, *, resume: bool, command: str, watcher: Watcher) -> Outcome:
    """Train, and evaluate on the test functions beside what needs no training.

    Args:
      plan: from `plan_regression`.
      resume: continue from a checkpoint of the same settings; otherwise it is set aside.
      command: the command line, for the result.
      watcher: told of progress.

    Raises:
      UserError: training diverged.
    """
    trained = _train(plan, resume, watcher)
    run, done = make_densities(plan.learner, plan.shape, references=True), 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        watcher.evaluating(plan.seed, done, plan.functions)

    found = collect(run, trained.state, seed=TEST_SEED, functions=plan.functions, progress=advance)
    document = _document(plan, trained, found, command)
    return Outcome(document, _examples(plan, trained.state))


def _train(plan: RegressionPlan, resume: bool, watcher: Watcher) -> Trained:
    run = make_densities(plan.learner, plan.shape, references=False)

    def validate(state: PyTree) -> float:
        number = plan.train.validation_episodes
        found = collect(run, state, seed=VALIDATION_SEED, functions=number)
        return float(found["learner"].mean())

    with opened(plan.folder / f"seed{plan.seed}", resume, watcher.note) as checkpoints:
        trained = train_on(
            plan.learner,
            plan.shape,
            None,
            validate,
            plan.train,
            seed=plan.seed,
            checkpoints=checkpoints,
            progress=lambda report: watcher.training(plan.seed, report),
        )
    watcher.trained(plan.seed, trained)
    return trained


def _document(
    plan: RegressionPlan, trained: Trained, found: Mapping[str, np.ndarray], command: str
) -> dict[str, Any]:
    """Everything that the figures rest on, as JSON values."""
    learner = plan.learner
    assert learner.parameters is not None
    differences = {name: found["learner"] - found[name] for name in AGAINST}
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "regression",
        "learner": plan.learner_name,
        "learner_version": registry.learner_version(plan.learner_name),
        "hyperparameters": dict(plan.hyperparameters),
        "recipe": {"name": plan.recipe.name, "train": asdict(plan.train)},
        "parameter_count": count(learner.parameters(trained.state)),
        "protocol": {
            "id": plan.protocol,
            "dimensions": plan.shape.dimensions,
            "points": plan.shape.points,
            "functions": plan.functions,
            "seed": TEST_SEED,
            "version": VERSION,
            "ranges": {
                "length_over_root_dimensions": list(LENGTH),
                "amplitude": list(AMPLITUDE),
                "noise": list(NOISE),
            },
        },
        "run": {
            "seed": plan.seed,
            "train_steps": plan.train.steps,
            "best_step": trained.best_step,
            "validation_log_likelihood": trained.best_validation,
            "train_seconds": round(trained.seconds, 1),
        },
        "log_likelihood": {name: _rows(interval(values)) for name, values in found.items()},
        "learner_minus": {name: _rows(interval(values)) for name, values in differences.items()},
        "environment": environment.describe(),
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _rows(found: Interval) -> dict[str, Any]:
    """Rounded: nats per point, by step and over all steps."""
    return {
        "by_step": [round(float(one), 5) for one in found.by_step],
        "by_step_ci95": [round(float(one), 5) for one in found.by_step_ci95],
        "mean": round(found.mean, 5),
        "ci95": round(found.ci95, 5),
    }


def _examples(plan: RegressionPlan, state: PyTree) -> tuple[Example, ...]:
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
