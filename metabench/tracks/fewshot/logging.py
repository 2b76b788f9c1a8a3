"""The logs of a run's trainings: what they are called, and the settings that stand with them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from metabench.tracks.fewshot.plan import Plan
from metabench.training.logs.log import logged
from metabench.training.watcher import Watcher


def logged_plan(
    watcher: Watcher, kinds: Sequence[str], plan: Plan
) -> AbstractContextManager[Watcher]:
    """A watcher that also writes the trainings of a plan to logs; see `training/logs/log.py`."""
    settings = {
        "learner": plan.entry.name,
        "protocol": plan.protocol.id,
        **plan.hyperparameters,
        **{f"train_{name}": value for name, value in plan.lengths.of_training().items()},
    }
    name = f"{plan.entry.name} under {plan.protocol.id}"
    return logged(watcher, kinds, plan.folder, name, settings)
