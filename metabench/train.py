"""The meta-training loop: compiled chunks of steps, validation, checkpoints, progress.

It sees a learner's contract and a measure of states, and nothing else. Every random
number is folded from the seed and the step's number, so a run that continues from a
checkpoint ends in the same bits as one that never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from metabench.checkpoints import Checkpoints, Snapshot
from metabench.episodes import root_key
from metabench.errors import UserError
from metabench.evaluate import evaluate, make_evaluator, summarise
from metabench.registry import suggest
from metabench.tasks import sample_tasks
from metabench.types import ClassTable, ImageTaskShape, Learner, PyTree, TaskShape, TrainShape

VALIDATION_SEED = 2**30  # of the validation episodes: the same ones for every learner and seed


@dataclass(frozen=True)
class TrainPlan:
    """How long and how often.

    Raises `UserError` on numbers that make no sense.
    """

    steps: int = 10_000
    batch: int = 1  # episodes in a step
    validate_every: int = 500  # steps
    validation_episodes: int = 200
    chunk: int = 25  # steps in one compiled call

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "validation_episodes", "chunk"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UserError(f"`{name}` is {value!r}; it must be a whole number of 1 or more")


def train_plan(values: Mapping[str, Any]) -> TrainPlan:
    """A `TrainPlan` from names and values; `UserError` on a name that it does not have."""
    known = tuple(one.name for one in fields(TrainPlan))
    for name in values:
        if name not in known:
            raise UserError(
                f"a training plan has no `{name}`{suggest(name, known)}; it has: {', '.join(known)}"
            )
    return TrainPlan(**values)


class Point(NamedTuple):
    """One row of the learning curve."""

    step: int
    loss: float  # mean over the steps since the row before
    train_accuracy: float  # not a number where the learner reports none
    validation: float  # accuracy on the validation classes, or what else is measured
    seconds: float  # of training so far, validation and compilation included


@dataclass(frozen=True)
class Report:
    """What the loop tells whoever shows progress."""

    step: int
    steps: int
    loss: float
    episodes_per_second: float
    validation: float | None
    seconds_left: float


@dataclass
class Trained:
    """What meta-training ends in."""

    state: PyTree  # the best in validation
    last: PyTree  # after the last step
    best_step: int = 0
    seconds: float = 0.0
    history: list[Point] = field(default_factory=list)

    @property
    def best_validation(self) -> float | None:
        """Of `state`, on the validation tasks; None where nothing was trained."""
        return max((p.validation for p in self.history), default=None)


def initial_state(learner: Learner, seed: int) -> PyTree:
    """The learner's state before any training."""
    return jax.jit(learner.init)(jax.random.fold_in(root_key(seed), 0))


def make_chunk(
    learner: Learner, shape: TaskShape | TrainShape, batch: int
) -> Callable[..., tuple[PyTree, dict[str, jax.Array]]]:
    """`run(state, table, seed_key, first step, length) -> (state, mean metrics)`, compiled."""
    assert learner.train is not None
    train = learner.train

    @partial(jax.jit, static_argnames="length", donate_argnums=0)
    def run(
        state: PyTree, table: ClassTable | None, key: jax.Array, first: jax.Array, length: int
    ) -> tuple[PyTree, dict[str, jax.Array]]:
        stream, keys = jax.random.fold_in(key, 1), jax.random.fold_in(key, 2)

        def step(state: PyTree, number: jax.Array) -> tuple[PyTree, dict[str, jax.Array]]:
            indices = number * batch + jnp.arange(batch)
            tasks = sample_tasks(stream, indices, table, shape)
            return train(state, tasks, jax.random.fold_in(keys, number))

        state, metrics = jax.lax.scan(step, state, first + jnp.arange(length))
        return state, {name: value.mean() for name, value in metrics.items()}

    return run


def meta_train(
    learner: Learner,
    train_table: ClassTable,
    validation_table: ClassTable,
    shape: ImageTaskShape,
    plan: TrainPlan,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Report], None] = lambda report: None,
    start: Callable[[PyTree], PyTree] = lambda state: state,
) -> Trained:
    """Train `learner` and keep the state that does best on the validation classes.

    Args:
      learner: one that has a `train`.
      train_table: classes of meta-training.
      validation_table: classes that select the state.
      shape: of the test and validation episodes, and of the training ones unless the
        learner has a `train_shape`.
      plan: lengths.
      seed: of everything random.
      checkpoints: where to save at each validation, and to continue from.
      progress: called after each chunk.
      start: what is made of the first state before the first step.

    Raises:
      UserError: the loss is no longer finite.
    """
    evaluator = make_evaluator(learner, shape)

    def accuracy(state: PyTree) -> float:
        correct = evaluate(
            learner,
            state,
            validation_table,
            shape,
            seed=VALIDATION_SEED,
            episodes=plan.validation_episodes,
            evaluator=evaluator,
        )
        return summarise(correct, shape.queries).mean

    drawn = learner.train_shape or shape
    return train_on(
        learner,
        drawn,
        train_table,
        accuracy,
        plan,
        seed=seed,
        checkpoints=checkpoints,
        progress=progress,
        start=start,
    )


def train_on(
    learner: Learner,
    shape: TaskShape | TrainShape,
    table: ClassTable | None,
    validate: Callable[[PyTree], float],
    plan: TrainPlan,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Report], None] = lambda report: None,
    start: Callable[[PyTree], PyTree] = lambda state: state,
) -> Trained:
    """Train `learner` on tasks of `shape` and keep the state that `validate` finds best.

    Args:
      learner: one that has a `train`.
      shape: of the training tasks.
      table: classes of meta-training; None where tasks are drawn from none.
      validate: what a state is worth on tasks that are not trained on; higher is better.
      plan: lengths.
      seed: of everything random.
      checkpoints: where to save at each validation, and to continue from.
      progress: called after each chunk.
      start: what is made of the first state before the first step.

    Raises:
      UserError: the loss is no longer finite.
    """
    return train_state(
        start(initial_state(learner, seed)),
        make_chunk(learner, shape, plan.batch),
        table,
        validate,
        plan,
        seed=seed,
        checkpoints=checkpoints,
        progress=progress,
    )


def train_state(
    state: PyTree,
    chunk: Callable[..., tuple[PyTree, dict[str, jax.Array]]],
    data: PyTree,
    validate: Callable[[PyTree], float],
    plan: TrainPlan,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Report], None] = lambda report: None,
) -> Trained:
    """The loop itself: train `state` by `chunk` and keep the one that `validate` finds best.

    Args:
      state: before the first step.
      chunk: as `make_chunk` makes it: `run(state, data, seed's key, first step, length)`.
      data: handed to `chunk`.
      validate: what a state is worth; higher is better.
      plan: lengths.
      seed: of everything random.
      checkpoints: where to save at each validation, and to continue from.
      progress: called after each chunk.

    Raises:
      UserError: the loss is no longer finite.
    """
    run = _Run(chunk, data, validate, plan, seed, progress)
    trained, step = Trained(state, jax.tree.map(jnp.copy, state)), 0
    found = checkpoints.newest(state) if checkpoints else None
    if found is not None:
        step, trained = found.step, _from_snapshot(found)
    while step < plan.steps:
        until = min(step + plan.validate_every, plan.steps)
        run.leg(trained, step, until)
        step = until
        if checkpoints:
            checkpoints.save(_to_snapshot(step, trained))
    return trained


def trained_before(learner: Learner, plan: TrainPlan, folder: Path, *, seed: int) -> Trained:
    """What an earlier training with the checkpoints `folder` ended in; nothing is trained.

    Raises:
      UserError: no checkpoints there, a training that did not end, or states of another form.
    """
    if not folder.is_dir():
        raise UserError(
            f"`trained_for` names no training with these settings: there is no {folder}; run it "
            "first, with the same `run-dir`, recipe, settings and seeds"
        )
    checkpoints = Checkpoints(folder)
    try:
        found = checkpoints.newest(initial_state(learner, seed))
    except ValueError as error:
        raise UserError(
            f"`trained_for` names a training whose states have another form than this protocol's: "
            f"{folder}; train for a protocol of the same `way`, or train anew"
        ) from error
    finally:
        checkpoints.close()
    if found is None or found.step < plan.steps:
        done = 0 if found is None else found.step
        raise UserError(
            f"`trained_for` names a training that ended at step {done:,} of {plan.steps:,}: "
            f"{folder}; continue it first with `--resume`"
        )
    return _from_snapshot(found)


class _Run:
    """The compiled functions and fixed inputs of one call of `train_state`."""

    def __init__(
        self,
        chunk: Callable[..., tuple[PyTree, dict[str, jax.Array]]],
        data: PyTree,
        validate: Callable[[PyTree], float],
        plan: TrainPlan,
        seed: int,
        progress: Callable[[Report], None],
    ) -> None:
        self.chunk, self.data, self.validate = chunk, data, validate
        self.plan, self.key, self.progress = plan, root_key(seed), progress

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
        found = self.validate(trained.last)
        if trained.best_validation is None or found > trained.best_validation:
            trained.best_step = until
            trained.state = jax.tree.map(jnp.copy, trained.last)  # the loop gives `last` away
        trained.seconds += time.monotonic() - began
        loss, train_accuracy = (sums[name] / (until - first) for name in ("loss", "accuracy"))
        trained.history.append(Point(until, loss, train_accuracy, found, trained.seconds))

    def _report(self, trained: Trained, step: int, loss: float, spent: float) -> None:
        """Tell `progress`. `spent`: seconds of training up to `step`."""
        steps = self.plan.steps
        found = trained.history[-1].validation if trained.history else None
        rate = step / max(spent, 1e-9)
        self.progress(
            Report(step, steps, loss, rate * self.plan.batch, found, (steps - step) / rate)
        )


def _to_snapshot(step: int, trained: Trained) -> Snapshot:
    notes = {
        "best_step": trained.best_step,
        "seconds": trained.seconds,
        "history": [list(point) for point in trained.history],
    }
    return Snapshot(step, trained.last, trained.state, notes)


def _from_snapshot(snapshot: Snapshot) -> Trained:
    notes = snapshot.notes
    history = [Point(*row) for row in notes["history"]]
    return Trained(snapshot.best, snapshot.state, notes["best_step"], notes["seconds"], history)
