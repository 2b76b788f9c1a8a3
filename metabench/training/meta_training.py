"""Meta-training of a learner: its chunk of steps, its validation, the outcome of an earlier run.

It uses a learner's contract and a measure of states, and nothing else. Every random
number is folded from the seed and the step's number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.stages import Wrapped

from metabench.compute.devices import copied
from metabench.compute.hosts import first
from metabench.compute.joined import whole
from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.scoring.episodes import ImageLearner, evaluate, make_evaluator
from metabench.scoring.summary import summarise
from metabench.seeds import VALIDATION_SEED, root_key
from metabench.tasks.host_images import stays
from metabench.tasks.kinds import sample_tasks
from metabench.training.checkpoints import Checkpoints, OtherFormError
from metabench.training.fed import make_fed_chunk, make_fed_settling
from metabench.training.flops import operations
from metabench.training.lengths import Lengths
from metabench.training.loop import Chunk, Report, Trained, from_snapshot, train_states
from metabench.training.one_state import alone
from metabench.training.spreading import stepped, training_devices
from metabench.training.start import unchanged
from metabench.types import ClassTable, ImageTaskShape, PyTree, TaskShape, TrainShape

SETTLING = 64  # batches of training tasks, before each validation


def initial_state(learner: Learner, seed: int) -> PyTree:
    """The learner's state before any training."""
    return jax.jit(learner.init)(jax.random.fold_in(root_key(seed), 0))


def make_chunk(learner: Learner, shape: TaskShape | TrainShape, batch: int) -> Wrapped:
    """`run(state, table, seed_key, first step, length) -> (state, mean metrics)`, compiled.

    It runs on the `training_devices`. If there are several, copy `state` and `table` to them
    first (`copied`).
    """
    run = chunk_on(training_devices(learner, batch), learner, shape, batch)
    return jax.jit(run, static_argnames="length", donate_argnums=0)


def chunk_on(
    devices: Sequence[jax.Device], learner: Learner, shape: TaskShape | TrainShape, batch: int
) -> Callable[..., tuple[PyTree, dict[str, jax.Array]]]:
    """What `make_chunk` compiles, spread over `devices`."""
    assert learner.training is not None
    train = stepped(learner, devices, learner.training.step)

    def run(
        state: PyTree, table: ClassTable | None, key: jax.Array, first: jax.Array, length: int
    ) -> tuple[PyTree, dict[str, jax.Array]]:
        stream, keys = jax.random.fold_in(key, 1), jax.random.fold_in(key, 2)

        def step(state: PyTree, number: jax.Array) -> tuple[PyTree, dict[str, jax.Array]]:
            indices = number * batch + jnp.arange(batch)
            tasks = sample_tasks(stream, indices, table, shape)
            return train(state, tasks, jax.random.fold_in(keys, number))

        state, metrics = jax.lax.scan(step, state, first + jnp.arange(length))
        means = {name: value.mean() for name, value in metrics.items()}
        return whole((state, means), devices)

    return run


def make_settling(
    learner: Learner,
    shape: TaskShape | TrainShape,
    batch: int,
    devices: Sequence[jax.Device] | None = None,
) -> Callable[[PyTree, ClassTable | None, jax.Array], PyTree] | None:
    """`run(state, table, seed_key) -> state`, compiled; None where the learner needs none.

    It shows `Training.settle` the same `SETTLING` batches of training tasks each time. Without
    `devices` it runs on the `training_devices`.
    """
    assert learner.training is not None
    if learner.training.settle is None:
        return None
    devices = training_devices(learner, batch) if devices is None else devices
    settle = stepped(learner, devices, learner.training.settle)

    @jax.jit
    def run(state: PyTree, table: ClassTable | None, key: jax.Array) -> PyTree:
        stream, keys = jax.random.fold_in(key, 4), jax.random.fold_in(key, 5)

        def step(state: PyTree, number: jax.Array) -> tuple[PyTree, None]:
            indices = number * batch + jnp.arange(batch)
            tasks = sample_tasks(stream, indices, table, shape)
            return settle(state, tasks, jax.random.fold_in(keys, number), number), None

        return jax.lax.scan(step, state, jnp.arange(SETTLING))[0]

    return run


def accuracy_on(
    learner: ImageLearner, table: ClassTable, shape: ImageTaskShape, episodes: int
) -> Callable[[PyTree], float]:
    """What a state is worth: accuracy in `episodes` validation tasks drawn from `table`."""
    evaluator = make_evaluator(learner, shape)

    def accuracy(state: PyTree) -> float:
        correct = evaluate(
            learner,
            state,
            table,
            shape,
            seed=VALIDATION_SEED,
            episodes=episodes,
            evaluator=evaluator,
        )
        return summarise(correct, shape.queries).mean

    return accuracy


def meta_train(
    learner: Learner,
    shape: TaskShape | TrainShape,
    table: ClassTable | None,
    validate: Callable[[PyTree], float],
    plan: Lengths,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Report], None] = lambda report: None,
    start: Callable[[PyTree], PyTree] = unchanged,
) -> Trained:
    """Train `learner` on tasks of `shape` and keep the state that `validate` finds best.

    Args:
      learner: one with a `training`.
      shape: of the training tasks.
      table: classes of meta-training; None if tasks need no classes.
      validate: the measure of a state on tasks that are not trained on; higher is better.
      plan: lengths.
      seed: of everything random.
      checkpoints: where to save at each validation, and to continue from.
      progress: called after each chunk.
      start: applied to the first state, before the first step.

    Raises:
      UserError: the loss is no longer finite.
    """
    return meta_train_seeds(
        programs(learner, shape, plan.batch, table),
        (start(initial_state(learner, seed)),),
        table,
        validate,
        plan,
        seeds=(seed,),
        checkpoints=(checkpoints,),
        progress=lambda seed, report: progress(report),
    )[0]


class Programs(NamedTuple):
    """What trains one seed of a learner, or several together (`together.py`)."""

    devices: Sequence[jax.Device]
    chunk: Chunk  # compiled
    settle: Callable[[PyTree, ClassTable | None, jax.Array], PyTree] | None
    flops: Callable[[tuple[PyTree, ...], ClassTable | None, int], float | None]
    """`flops(states, table, length)`: operations of a step of one seed; None: not countable."""


def programs(
    learner: Learner, shape: TaskShape | TrainShape, batch: int, table: ClassTable | None
) -> Programs:
    """What trains one seed after another; all of them may share it.

    Args:
      learner: one with a `training`.
      shape: of the training tasks.
      batch: tasks in a step.
      table: on which it will be called: its images may stay on the host.
    """
    compiled = make_chunk(learner, shape, batch)
    chunk: Callable[..., tuple[PyTree, dict[str, jax.Array]]] = compiled
    settle = make_settling(learner, shape, batch)
    if stays(table):
        chunk = make_fed_chunk(learner, shape, batch)
        settle = make_fed_settling(learner, shape, batch, SETTLING)

    def flops(states: tuple[PyTree, ...], table: ClassTable | None, length: int) -> float | None:
        return flops_of_step(compiled, states[0], table, length)

    return Programs(training_devices(learner, batch), alone(chunk), settle, flops)


def meta_train_seeds(
    compiled: Programs,
    states: Sequence[PyTree],
    table: ClassTable | None,
    validate: Callable[[PyTree], float],
    plan: Lengths,
    *,
    seeds: Sequence[int],
    checkpoints: Sequence[Checkpoints | None],
    progress: Callable[[int, Report], None] = lambda seed, report: None,
) -> list[Trained]:
    """`meta_train` of one seed, or of several together, by what is compiled already.

    Args:
      compiled: from `programs`, or for several seeds from `together.py`.
      states: of the seeds, before the first step.
      table: as in `meta_train`.
      validate: as in `meta_train`.
      plan: lengths.
      seeds: of everything random.
      checkpoints: of each seed.
      progress: called after each chunk with each seed.

    Raises:
      UserError: the loss of a seed is no longer finite.
    """
    begun = tuple(copied(tuple(states), compiled.devices))
    table = copied(table, compiled.devices)
    flops = compiled.flops(begun, table, min(plan.chunk, plan.steps))
    found = train_states(
        begun,
        compiled.chunk,
        table,
        validate,
        plan,
        seeds=seeds,
        checkpoints=checkpoints,
        progress=progress,
        settle=compiled.settle,
    )
    for one in found:
        one.flops = None if flops is None else flops * plan.steps
    return found


def flops_of_step(chunk: Wrapped, state: PyTree, data: PyTree, length: int) -> float | None:
    """Operations of one step of a chunk, as `train_state` takes it; None: not countable.

    The loop's first call uses this trace again: it costs nothing.
    """
    if isinstance(data, ClassTable) and stays(data):  # only shapes are looked at
        like = jax.ShapeDtypeStruct(data.images.shape, data.images.dtype)
        data = data._replace(images=cast(Any, like))
    traced = chunk.trace(state, data, root_key(0), jnp.int32(0), length)
    found = operations(traced.jaxpr.jaxpr)
    return None if found is None else found / length


def trained_before(learner: Learner, plan: Lengths, folder: Path, *, seed: int) -> Trained:
    """The outcome of an earlier training, from its checkpoints in `folder`; nothing is trained.

    Raises:
      UserError: no checkpoints there, damaged ones, a training that did not end, or states of
        another form.
    """
    if first() and not folder.is_dir():
        raise UserError(
            f"`trained_for` names no training with these settings: there is no {folder}; run it "
            "first, with the same `run-dir`, recipe, settings and seeds"
        )
    checkpoints = Checkpoints(folder)
    try:
        found = checkpoints.newest(initial_state(learner, seed))
    except OtherFormError as error:
        raise UserError(
            f"`trained_for` names a training whose states have another form than this protocol's: "
            f"{folder}; train for a protocol of the same `way`, or train again"
        ) from error
    finally:
        checkpoints.close()
    if found is None or found.step < plan.steps:
        done = 0 if found is None else found.step
        raise UserError(
            f"`trained_for` names a training that ended at step {done:,} of {plan.steps:,}: "
            f"{folder}; continue it first with `--resume`"
        )
    return from_snapshot(found)
