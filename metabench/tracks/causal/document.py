"""The results as JSON values. Computes nothing but means, intervals and shares."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from metabench.results import environment
from metabench.results.head import TRACKS
from metabench.scoring.summary import half_width
from metabench.tracks.causal.direction import Adaptation
from metabench.tracks.causal.plan import VERSION, DirectionPlan, RotationPlan
from metabench.tracks.causal.rotation import ANCHORS, FARTHEST, SPAN, SPREAD

POINTS = 50  # of a curve, at most
LEARNER = "meta_transfer"
NEAR = math.pi / 8  # an angle that is nearer than by chance, on average


def direction_document(
    plan: DirectionPlan, beliefs: np.ndarray, rows: dict[str, Any], seconds: float, command: str
) -> dict[str, Any]:
    """Of two discrete variables.

    Args:
      plan: what was measured.
      beliefs: σ(γ), [seeds, episodes].
      rows: from `adaptation_rows`.
      seconds: that it took.
      command: that made it.
    """
    world = {"categories": plan.categories, "change": plan.change}
    right = beliefs[:, -1] > 0.5
    return _head(plan, world, seconds, command) | {
        "belief": _curve(beliefs),
        "right": _share(right),
        "adaptation": rows,
    }


def rotation_document(
    plan: RotationPlan, beliefs: np.ndarray, apart: np.ndarray, seconds: float, command: str
) -> dict[str, Any]:
    """Of two numbers and an encoder.

    Args:
      plan: what was measured.
      beliefs: in the true direction, [seeds, episodes].
      apart: radians between the encoder and the nearest true one, [seeds, episodes].
      seconds: that it took.
      command: that made it.
    """
    world = {"span": SPAN, "anchors": ANCHORS, "spread": SPREAD, "farthest": FARTHEST}
    right = (beliefs[:, -1] > 0.5) & (apart[:, -1] < NEAR)
    return _head(plan, world, seconds, command) | {
        "belief": _curve(beliefs),
        "right": _share(right),
        "angle": _curve(apart),
    }


def adaptation_rows(found: Adaptation) -> dict[str, Any]:
    """Means over seeds with their intervals, of both models and of the paired difference."""
    return {
        "examples": found.examples.tolist(),
        "forward": _rows(found.forward),
        "backward": _rows(found.backward),
        "backward_minus_forward": _rows(found.backward - found.forward),
    }


def _head(
    plan: DirectionPlan | RotationPlan, world: dict[str, Any], seconds: float, command: str
) -> dict[str, Any]:
    described = environment.describe()
    return {
        "schema_version": TRACKS["causal"].version,
        "track": "causal",
        "seeds": list(plan.seeds),
        "learner": LEARNER,
        "learner_version": f"metabench {described['packages']['metabench']}",
        "hyperparameters": plan.hyperparameters,
        "recipe": {"name": "defaults"},
        "protocol": {"id": plan.protocol, "version": VERSION, **world},
        "run": {"seconds": round(seconds, 1)},
        "environment": described,
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _curve(values: np.ndarray) -> dict[str, Any]:
    """Some points of [seeds, episodes], the last among them, and the last of each seed."""
    episodes = values.shape[1]
    shown = np.unique(np.linspace(1, episodes, min(POINTS, episodes)).astype(int))
    last = [round(float(one), 4) for one in values[:, -1]]
    return {"episodes": shown.tolist(), **_rows(values[:, shown - 1]), "last": last}


def _rows(values: np.ndarray) -> dict[str, Any]:
    """Means and half-widths over the seeds of [seeds, points]."""
    return {
        "mean": [round(float(one), 4) for one in values.mean(0)],
        "ci95": [round(float(one), 4) for one in half_width(values)],
    }


def _share(right: np.ndarray) -> dict[str, Any]:
    """How many seeds, and Clopper and Pearson's 95 % interval of the share."""
    from scipy.stats import binomtest

    count, number = int(right.sum()), len(right)
    interval = binomtest(count, number).proportion_ci()
    return {
        "count": count,
        "of": number,
        "low": round(float(interval.low), 4),
        "high": round(float(interval.high), 4),
    }
