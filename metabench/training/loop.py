"""The training loop: compiled chunks of steps, validation, checkpoints, progress.

It trains any state by any compiled chunk, and knows no learner, no tasks and no data. A run that
continues from a checkpoint ends in the same bits as one that never stopped, if the chunk
folds everything random from the seed's key and the step's number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.compute.devices import copied, here
from metabench.errors import UserError
from metabench.seeds import root_key
from metabench.training.checkpoints import Checkpoints, Snapshot
from metabench.training.lengths import Lengths
from metabench.types import PyTree, Select


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


def train_state(
    state: PyTree,
    chunk: Callable[..., tuple[PyTree, dict[str, jax.Array]]],
    data: PyTree,
    validate: Callable[[PyTree], float],
    plan: Lengths,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Report], None] = lambda report: None,
    settle: Callable[[PyTree, PyTree, jax.Array], PyTree] | None = None,
) -> Trained:
    """The loop: train `state` by `chunk` and keep the state for which `validate` is highest.

    Args:
      state: before the first step.
      chunk: compiled: `run(state, data, seed's key, first step, length)`.
      data: an argument of `chunk`.
      validate: the measure of a state; higher is better.
      plan: lengths.
      seed: of everything random.
      checkpoints: where to save at each validation, and to continue from.
      progress: called after each chunk.
      settle: `settle(state, data, seed's key)`, applied before each validation. A step must not
        read what it changes, for the training goes on from there.

    Raises:
      UserError: the loss is no longer finite.
    """
    run = _Run(chunk, data, validate, plan, seed, progress, settle)
    trained, step = Trained(copied(state, here()[:1]), jax.tree.map(jnp.copy, state)), 0
    found = checkpoints.newest(state) if checkpoints else None
    if found is not None:
        step, trained = found.step, from_snapshot(found)
    while step < plan.steps:
        until = min(step + plan.validate_every, plan.steps)
        run.leg(trained, step, until)
        step = until
        if checkpoints:
            checkpoints.save(_to_snapshot(step, trained))
    return trained


class _Run:
    """The compiled functions and fixed inputs of one call of `train_state`."""

    def __init__(
        self,
        chunk: Callable[..., tuple[PyTree, dict[str, jax.Array]]],
        data: PyTree,
        validate: Callable[[PyTree], float],
        plan: Lengths,
        seed: int,
        progress: Callable[[Report], None],
        settle: Callable[[PyTree, PyTree, jax.Array], PyTree] | None,
    ) -> None:
        self.chunk, self.data, self.validate = chunk, data, validate
        self.plan, self.key, self.progress, self.settle = plan, root_key(seed), progress, settle

    def leg(self, trained: Trained, first: int, until: int) -> None:
        """Train steps `first` … `until`-1, validate, and keep the state if it is the best yet."""
        began, sums = time.monotonic(), {"loss": 0.0, "accuracy": 0.0}
        for start in range(first, until, self.plan.chunk):
            length = min(self.plan.chunk, until - start)
            trained.last, metrics = self.chunk(
                trained.last, self.data, self.key, jnp.int32(start), length
            )
            values = {name: float(metrics.get(name, jnp.nan)) for name in sums}
            if not jnp.isfinite(values["loss"]):
                raise UserError(
                    f"the loss became {values['loss']} by step {start + length}; "
                    "lower `learning_rate` or set `clip`"
                )
            sums = {name: sums[name] + values[name] * length for name in sums}
            spent = trained.seconds + time.monotonic() - began
            self._report(trained, start + length, values["loss"], spent)
        if self.settle is not None:
            trained.last = self.settle(trained.last, self.data, self.key)
        settled = copied(trained.last, here()[:1])
        found = self.validate(settled)
        best = trained.best_validation
        if best is None or _worth(found) > _worth(best):
            trained.best_step = until
            trained.state = jax.tree.map(jnp.copy, settled)  # the loop donates `last`
        trained.seconds += time.monotonic() - began
        loss, train_accuracy = (sums[name] / (until - first) for name in ("loss", "accuracy"))
        trained.history.append(Point(until, loss, train_accuracy, found, trained.seconds))

    def _report(self, trained: Trained, step: int, loss: float, spent: float) -> None:
        """Report to `progress`. `spent`: seconds of training up to `step`."""
        steps = self.plan.steps
        found = trained.history[-1].validation if trained.history else None
        rate = step / max(spent, 1e-9)
        self.progress(
            Report(step, steps, loss, rate * self.plan.batch, found, (steps - step) / rate)
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
