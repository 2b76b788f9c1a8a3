"""A result made again from its recipe, and compared with what was claimed by a paired test."""

from __future__ import annotations

from dataclasses import replace

from metabench import registry
from metabench.entries.replay import Finding
from metabench.errors import UserError
from metabench.registry import AnyLearner
from metabench.results.intervals import paired
from metabench.results.result import Result
from metabench.tracks.fewshot.replan import planned
from metabench.tracks.fewshot.request import Places
from metabench.tracks.fewshot.run import execute
from metabench.training.watcher import Watcher, always_resuming
from metabench.types import Protocol

FOLDER = "retrained"  # below the folder of checkpoints
MARGIN = 0.01
"""Accuracy that another training of the same recipe may lose: rounding differs between machines,
and a training multiplies it."""


def retrained(
    result: Result, learner: AnyLearner | None, places: Places, watcher: Watcher
) -> Finding:
    """Train by the recipe of `result`, test, and compare.

    Args:
      result: what is claimed.
      learner: where no package registers it.
      places: checkpoints go to a folder of their own below its `run_dir`: the training that is
        being verified may lie in `run_dir` itself, and would be taken for the new one. An earlier
        attempt is continued.
      watcher: told of the progress.

    Raises:
      UserError: the training was for a protocol that is not registered.
    """
    places = replace(places, run_dir=places.run_dir / FOLDER)
    earlier = result.recipe.get("trained_for")
    plan = planned(result, learner, places, trains=earlier is None)
    if plan.learner.training is not None and earlier is not None:
        known = {protocol.id: protocol for protocol in registry.protocols()}
        if earlier not in known:
            raise UserError(f"the training was for {earlier}, which is no registered protocol")
        _train_for(known[earlier], result, learner, places, watcher)
    again = execute(plan, resume=True, command="", watcher=always_resuming(watcher))
    return compared(result, again)


def _train_for(
    protocol: Protocol,
    result: Result,
    learner: AnyLearner | None,
    places: Places,
    watcher: Watcher,
) -> None:
    """Train under the protocol that the result's training was for."""
    recipe = {name: value for name, value in result.recipe.items() if name != "trained_for"}
    other = replace(result, protocol=protocol, recipe=recipe)
    plan = planned(other, learner, places, trains=True)
    execute(plan, resume=True, command="", watcher=always_resuming(watcher))


def compared(claimed: Result, again: Result) -> Finding:
    """Whether the claim is no better than the new training by more than `MARGIN`.

    The difference is paired over the test tasks, and over training seeds where there are several.
    """
    gap = paired(claimed, again)
    said = (
        f"{100 * claimed.accuracy:.2f} % claimed, {100 * again.accuracy:.2f} % now: a difference "
        f"of {100 * gap.mean:.2f} ± {100 * gap.ci95:.2f}"
    )
    return Finding("training again", gap.mean - gap.ci95 <= MARGIN, said)
