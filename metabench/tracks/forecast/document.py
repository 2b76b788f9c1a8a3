"""The result of a run on functions, as JSON values. Computes nothing but means and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from metabench.contracts.learner import parameter_count
from metabench.results import environment
from metabench.results.head import TRACKS
from metabench.scoring.functions import Interval, interval
from metabench.tasks.functions import AMPLITUDE, LENGTH, NOISE
from metabench.tracks.forecast.plan import TEST_SEED, VERSION, ForecastPlan
from metabench.training.loop import Trained

AGAINST = ("gp_fitted", "gp_true", "gp_averaged", "prior")  # what the learner is paired with


def document_of(
    plan: ForecastPlan, trained: Trained, found: Mapping[str, np.ndarray], command: str
) -> dict[str, Any]:
    """Everything that the figures rest on, as JSON values."""
    tested = trained.selected(plan.lengths.select)
    differences = {name: found["learner"] - found[name] for name in AGAINST}
    return {
        "schema_version": TRACKS["forecast"].version,
        "track": "forecast",
        "seeds": [plan.seed],
        "learner": plan.entry.name,
        "learner_version": plan.entry.version,
        **({} if plan.entry.digest is None else {"learner_digest": plan.entry.digest}),
        "hyperparameters": dict(plan.hyperparameters),
        "recipe": {"name": plan.recipe.name, "train": plan.lengths.recorded()},
        "parameter_count": parameter_count(plan.learner, trained.state),
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
            "train_steps": plan.lengths.steps,
            "best_step": tested.step,
            "validation_log_likelihood": tested.validation,
            "train_seconds": round(trained.seconds, 1),
            **trained.operations(),
        },
        "log_likelihood": {name: _rows(interval(values)) for name, values in found.items()},
        "learner_minus": {name: _rows(interval(values)) for name, values in differences.items()},
        "scores": {name: _rounded(values.mean(1)) for name, values in found.items()},
        "environment": environment.describe(),
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(one), 4) for one in values]


def _rows(found: Interval) -> dict[str, Any]:
    """Rounded: nats per point, by step and over all steps."""
    return {
        "by_step": [round(float(one), 5) for one in found.by_step],
        "by_step_ci95": [round(float(one), 5) for one in found.by_step_ci95],
        "mean": round(found.mean, 5),
        "ci95": round(found.ci95, 5),
    }
