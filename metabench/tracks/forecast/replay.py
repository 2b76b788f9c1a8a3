"""A document of the forecast track again: its plan, its tested state, and its functions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metabench.recipes import Recipe
from metabench.registry import AnyLearner
from metabench.scoring.functions import collect, make_densities
from metabench.tracks.forecast.plan import TEST_SEED, ForecastPlan, plan_forecast
from metabench.training.meta_training import trained_before
from metabench.types import FunctionShape, PyTree


def planned(document: Mapping[str, Any], learner: AnyLearner | None, run_dir: Path) -> ForecastPlan:
    """The run that ended in `document`.

    Args:
      document: as `head.loaded` gives it.
      learner: where no package registers it.
      run_dir: where the run kept its checkpoints.

    Raises:
      UserError: a learner or an option that there is no more.
    """
    protocol = document["protocol"]
    return plan_forecast(
        document["learner"] if learner is None else learner,
        FunctionShape(protocol["dimensions"], protocol["points"]),
        recipe=Recipe(document["recipe"]["name"]),
        settings=document["hyperparameters"],
        lengths=document["recipe"].get("train", {}),
        functions=protocol["functions"],
        seed=document["run"]["seed"],
        run_dir=run_dir,
    )


def state_of(plan: ForecastPlan) -> PyTree:
    """The state that a finished run tested, from its checkpoints; `UserError` if it is gone."""
    folder = plan.folder / f"seed{plan.seed}"
    trained = trained_before(plan.learner, plan.lengths, folder, seed=plan.seed)
    return trained.selected(plan.lengths.select).state


def scores_again(plan: ForecastPlan, state: PyTree, numbers: np.ndarray) -> np.ndarray:
    """Mean log densities of the test functions `numbers`, in nats per point: [numbers]."""
    run = make_densities(plan.learner, plan.shape, references=False)
    found = collect(run, state, seed=TEST_SEED, functions=len(numbers), numbers=numbers)
    return np.asarray(found["learner"].mean(1), np.float64)
