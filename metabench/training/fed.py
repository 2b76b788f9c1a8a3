"""Meta-training on a class table whose images stay on the host: they are read one step ahead.

The steps are those of `meta_training`, on the same tasks, each a compiled call of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import jax
import jax.numpy as jnp

from metabench.compute.devices import copied, here
from metabench.compute.joined import whole
from metabench.contracts.learner import Learner
from metabench.tasks.host_images import fed, numbers_of
from metabench.tasks.kinds import sample_tasks
from metabench.training.spreading import stepped, training_devices
from metabench.types import ClassTable, PyTree, TaskShape, TrainShape


def make_fed_chunk(
    learner: Learner, shape: TaskShape | TrainShape, batch: int
) -> Callable[..., tuple[PyTree, dict[str, jax.Array]]]:
    """`make_chunk` for a table whose images stay on the host: they are read one step ahead."""
    assert learner.training is not None
    devices = training_devices(learner, batch)
    train = stepped(learner, devices, learner.training.step)
    read = _reader(shape, batch, 1, devices)

    @partial(jax.jit, donate_argnums=0)
    def step(
        state: PyTree, tasks: PyTree, key: jax.Array, number: jax.Array
    ) -> tuple[PyTree, dict[str, jax.Array]]:
        keys = jax.random.fold_in(key, 2)
        return whole(train(state, tasks, jax.random.fold_in(keys, number)), devices)

    def run(
        state: PyTree, table: ClassTable, key: jax.Array, first: jax.Array, length: int
    ) -> tuple[PyTree, dict[str, jax.Array]]:
        found, numbers = [], range(int(first), int(first) + length)
        for number, one in zip(numbers, read(key, table, numbers), strict=True):
            state, metrics = step(state, one, key, jnp.int32(number))
            found.append(metrics)
        return state, jax.tree.map(lambda *values: jnp.stack(values).mean(), *found)

    return run


def make_fed_settling(
    learner: Learner, shape: TaskShape | TrainShape, batch: int, batches: int
) -> Callable[[PyTree, ClassTable | None, jax.Array], PyTree] | None:
    """`make_settling` for such a table, with so many batches."""
    assert learner.training is not None
    if learner.training.settle is None:
        return None
    devices = training_devices(learner, batch)
    settle = stepped(learner, devices, learner.training.settle)
    read = _reader(shape, batch, 4, devices)

    @jax.jit
    def step(state: PyTree, tasks: PyTree, key: jax.Array, number: jax.Array) -> PyTree:
        keys = jax.random.fold_in(key, 5)
        return whole(settle(state, tasks, jax.random.fold_in(keys, number), number), devices)

    def run(state: PyTree, table: ClassTable | None, key: jax.Array) -> PyTree:
        assert table is not None, "only a table stays on the host"
        for number, one in enumerate(read(key, table, range(batches))):
            state = step(state, one, key, jnp.int32(number))
        return state

    return run


def _reader(
    shape: TaskShape | TrainShape, batch: int, stream: int, devices: Sequence[jax.Device]
) -> Callable[[jax.Array, ClassTable, range], Iterator[PyTree]]:
    """`read(seed_key, table, steps)`: the tasks of each step, on `devices`."""

    @jax.jit
    def draw(key: jax.Array, table: ClassTable, number: jax.Array) -> PyTree:
        indices = number * batch + jnp.arange(batch)
        return sample_tasks(jax.random.fold_in(key, stream), indices, table, shape)

    def place(tasks: PyTree) -> PyTree:
        return copied(tasks, devices)

    def read(key: jax.Array, table: ClassTable, steps: range) -> Iterator[PyTree]:
        return fed(table, partial(draw, key, _here(numbers_of(table))), steps, place)

    return read


def _here(table: ClassTable) -> ClassTable:
    """The table on one device of this host, where tasks are drawn."""
    return copied(table, here()[:1])
