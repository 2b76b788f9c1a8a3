"""The training loop: compiled chunks of steps, validation, checkpoints, progress.

It trains any state by any compiled chunk, and knows no learner, no tasks and no data. The states of
several seeds are trained by one chunk; one seed is a group of one. A run that continues from a
checkpoint ends in the same bits as one that never stopped, if the chunk folds everything random
from the seed's key and the step's number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from metabench.compute.devices import copied, here
from metabench.errors import UserError
from metabench.seeds import root_key
from metabench.training.checkpoints import Checkpoints, Snapshot
from metabench.training.lengths import Lengths
from metabench.types import PyTree, Select

Chunk: TypeAlias = Callable[..., Any]
"""`run(states, data, keys, first step, length) -> (states, mean metrics)`: one of each a seed"""


class Point(NamedTuple):
    """One row of the learning curve."""

    step: int
    loss: float  # mean over the steps since the row before
    train_accuracy: float  # NaN if the learner reports none
    validation: float  # accuracy on the validation classes, or another measure
    seconds: float  # of training so far, validation and compilation included


@dataclass(frozen=True)
class Report:
    """What the loop reports to `progress`."""

    step: int
    steps: int
    loss: float
    episodes_per_second: float
    validation: float | None
    seconds_left: float


class Selected(NamedTuple):
    """One state of a training."""

    state: PyTree
    step: int  # after how many steps; 0 where nothing was trained
    validation: float | None  # its measure on the validation tasks


@dataclass
class Trained:
    """The outcome of meta-training."""

    state: PyTree  # the best in validation
    last: PyTree  # after the last step
    best_step: int = 0
    seconds: float = 0.0
    history: list[Point] = field(default_factory=list)
    flops: float | None = None  # operations of all steps, see `flops.py`; None: not counted

    @property
    def best_validation(self) -> float | None:
        """The measure of `state` on the validation tasks; None if nothing was trained."""
        return max((p.validation for p in self.history), default=None, key=_worth)

    def operations(self, name: str = "train_flops") -> dict[str, float]:
        """`flops` to four digits by this name; nothing where they were not counted."""
        return {} if self.flops is None else {name: float(f"{self.flops:.4g}")}

    def selected(self, select: Select) -> Selected:
        """The best state in validation, or the one after the last step."""
        if select == "best" or not self.history:
            return Selected(self.state, self.best_step, self.best_validation)
        end = self.history[-1]
        return Selected(copied(self.last, here()[:1]), end.step, end.validation)


def train_states(
    states: Sequence[PyTree],
    chunk: Chunk,
    data: PyTree,
    validate: Callable[[PyTree], float],
    plan: Lengths,
    *,
    seeds: Sequence[int],
    checkpoints: Sequence[Checkpoints | None],
    progress: Callable[[int, Report], None] = lambda seed, report: None,
    settle: Callable[[PyTree, PyTree, jax.Array], PyTree] | None = None,
) -> list[Trained]:
    """The loop: train the states of `seeds` by `chunk`, and keep of each the best in validation.

    Each seed has checkpoints of its own, as if it were alone. Where they are of different steps, as
    after an interruption, those that are behind are trained first. The seconds of a group are
    divided evenly among its seeds.

    Args:
      states: before the first step, one for each seed.
      chunk: compiled: `run(states, data, the seeds' keys, first step, length)`, for any number of
        states.
      data: an argument of `chunk`.
      validate: the measure of a state; higher is better.
      plan: lengths.
      seeds: of everything random.
      checkpoints: of each seed, where to save at each validation, and to continue from.
      progress: called after each chunk with each seed.
      settle: `settle(state, data, seed's key)` of one state, applied before each validation. A step
        must not read what it changes, for the training goes on from there.

    Raises:
      UserError: the loss of a seed is no longer finite.
    """
    run = _Run(chunk, data, validate, plan, progress, settle)
    members = [
        _begun(seed, state, saved)
        for seed, state, saved in zip(seeds, states, checkpoints, strict=True)
    ]
    while (step := min(one.step for one in members)) < plan.steps:
        group = [one for one in members if one.step == step]
        run.leg(group, min(step + plan.validate_every, plan.steps))
        for one in group:
            if one.checkpoints:
                one.checkpoints.save(_to_snapshot(one.step, one.trained))
    return [one.trained for one in members]


@dataclass
class _Member:
    """One seed of a group."""

    seed: int
    key: jax.Array
    step: int
    trained: Trained
    checkpoints: Checkpoints | None
    sums: dict[str, float] = field(default_factory=dict)  # of a leg's metrics


def _begun(seed: int, state: PyTree, checkpoints: Checkpoints | None) -> _Member:
    """A seed from its newest checkpoint, or from its first step."""
    trained, step = Trained(copied(state, here()[:1]), jax.tree.map(jnp.copy, state)), 0
    found = checkpoints.newest(state) if checkpoints else None
    if found is not None:
        step, trained = found.step, from_snapshot(found)
    return _Member(seed, root_key(seed), step, trained, checkpoints)


class _Run:
    """The compiled functions and fixed inputs of one call of `train_states`."""

    def __init__(
        self,
        chunk: Chunk,
        data: PyTree,
        validate: Callable[[PyTree], float],
        plan: Lengths,
        progress: Callable[[int, Report], None],
        settle: Callable[[PyTree, PyTree, jax.Array], PyTree] | None,
    ) -> None:
        self.chunk, self.data, self.validate = chunk, data, validate
        self.plan, self.progress, self.settle = plan, progress, settle

    def leg(self, group: Sequence[_Member], until: int) -> None:
        """Train a group that is at one step up to `until`, and validate each of its states."""
        began, first = time.monotonic(), group[0].step

        def spent() -> float:
            return (time.monotonic() - began) / len(group)

        for one in group:
            one.sums = {"loss": 0.0, "accuracy": 0.0}
        for start in range(first, until, self.plan.chunk):
            length = min(self.plan.chunk, until - start)
            states, metrics = self.chunk(
                tuple(one.trained.last for one in group),
                self.data,
                tuple(one.key for one in group),
                jnp.int32(start),
                length,
            )
            for one, state in zip(group, states, strict=True):
                one.trained.last = state
            for one, found in zip(group, metrics, strict=True):
                values = {name: float(found.get(name, jnp.nan)) for name in one.sums}
                _check_finite(values["loss"], start + length, one.seed if group[1:] else None)
                one.sums = {name: one.sums[name] + values[name] * length for name in values}
                self._report(one, start + length, values["loss"], spent(), len(group))
        found = [self._validated(one.trained, one.key, until) for one in group]
        part = spent()
        for one, validation in zip(group, found, strict=True):
            loss, accuracy = (one.sums[name] / (until - first) for name in ("loss", "accuracy"))
            one.step, one.trained.seconds = until, one.trained.seconds + part
            row = Point(until, loss, accuracy, validation, one.trained.seconds)
            one.trained.history.append(row)

    def _validated(self, trained: Trained, key: jax.Array, step: int) -> float:
        """The measure of the newest state, which is kept if it is the best yet."""
        if self.settle is not None:
            trained.last = self.settle(trained.last, self.data, key)
        settled = copied(trained.last, here()[:1])
        found = self.validate(settled)
        best = trained.best_validation
        if best is None or _worth(found) > _worth(best):
            trained.best_step = step
            trained.state = jax.tree.map(jnp.copy, settled)  # the loop donates `last`
        return found

    def _report(self, one: _Member, step: int, loss: float, spent: float, seeds: int) -> None:
        """Report to `progress`. `spent`: seconds of this leg, one seed's part of them."""
        steps, history = self.plan.steps, one.trained.history
        found = history[-1].validation if history else None
        rate = step / max(one.trained.seconds + spent, 1e-9)
        speed, left = rate * self.plan.batch, seeds * (steps - step) / rate
        self.progress(one.seed, Report(step, steps, loss, speed, found, left))


def _check_finite(loss: float, step: int, seed: int | None) -> None:
    """`UserError` if a loss is no number; `seed` where others are trained with it."""
    if not math.isfinite(loss):
        whose = "" if seed is None else f" of seed {seed}"
        raise UserError(
            f"the loss{whose} became {loss} by step {step}; lower `learning_rate` or set `clip`"
        )


def _worth(validation: float) -> float:
    """For comparisons: a measure that is no number is below all others."""
    return -math.inf if math.isnan(validation) else validation


def _to_snapshot(step: int, trained: Trained) -> Snapshot:
    notes = {
        "best_step": trained.best_step,
        "seconds": trained.seconds,
        "history": [list(point) for point in trained.history],
    }
    return Snapshot(step, trained.last, trained.state, notes)


def from_snapshot(snapshot: Snapshot) -> Trained:
    """The outcome so far, from a checkpoint."""
    notes = snapshot.notes
    history = [Point(*row) for row in notes["history"]]
    best = copied(snapshot.best, here()[:1])
    return Trained(best, snapshot.state, notes["best_step"], notes["seconds"], history)
