"""A run on functions before it begins: everything that can be wrong with it is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabench import registry
from metabench.contracts.learner import Forecaster
from metabench.errors import UserError
from metabench.files import canonical
from metabench.recipes import Recipe
from metabench.registry import AnyLearner
from metabench.tasks.functions import check_functions
from metabench.training.lengths import Lengths, check_steps, lengths_of
from metabench.types import FunctionShape
from metabench.unpackaged import LearnerEntry

VERSION = 1  # of the protocol: the sampler and its ranges
TEST_SEED = 0


@dataclass(frozen=True)
class ForecastPlan:
    """A run, checked: everything that can be wrong has been refused by now."""

    entry: LearnerEntry
    learner: Forecaster
    hyperparameters: Mapping[str, Any]
    recipe: Recipe
    lengths: Lengths
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
        name = self.entry.name
        settings: list[Any] = [name, dict(self.hyperparameters), self.lengths.of_training()]
        if self.entry.digest is not None:  # another text of its file is another learner
            settings.append(self.entry.digest)
        name = f"{name}-{canonical.fingerprint(settings)}"
        return self.run_dir / self.protocol / name


def plan_forecast(
    learner: AnyLearner,
    shape: FunctionShape,
    *,
    recipe: Recipe,
    settings: Mapping[str, Any],
    lengths: Mapping[str, Any],
    functions: int,
    seed: int,
    run_dir: Path,
) -> ForecastPlan:
    """Check a run and put its parts together.

    Args:
      learner: whatever `registry.learner` takes.
      shape: of the functions.
      recipe: hyperparameters and lengths.
      settings: hyperparameters that override the recipe's.
      lengths: fields of `Lengths` that override the recipe's; its episodes are functions here.
      functions: in the test.
      seed: of everything random in training.
      run_dir: for checkpoints.

    Raises:
      UserError: a learner without a part in this, an unknown option, a wrong value.
    """
    check_functions(shape)
    if not 2 <= functions < 2**30:
        raise UserError(f"`functions` is {functions}; it must be at least 2 and below 2^30")
    entry = registry.learner(learner)
    _check_part(entry)
    planned, options = lengths_of({**recipe.train, **lengths}), registry.options(entry)
    check_steps(settings, planned)
    chosen = registry.in_words(entry, {**recipe.learner, **settings})
    if "steps" in options:
        chosen.setdefault("steps", planned.steps)
    built = registry.build_learner(entry, shape, chosen)
    hyperparameters = {**{name: p.default for name, p in options.items()}, **chosen}
    return ForecastPlan(
        entry, built, hyperparameters, recipe, planned, shape, functions, seed, run_dir
    )


def _check_part(entry: LearnerEntry) -> None:
    """`UserError` where the learner's factory does not say that it takes functions."""
    if not registry.takes(entry, FunctionShape):
        able = [name for name in registry.names("learners") if registry.takes(name, FunctionShape)]
        raise UserError(
            f"`learner` is {entry.name}, which has no part in forecasting (it takes no "
            f"`FunctionShape`); take one of: {', '.join(able)}"
        )
