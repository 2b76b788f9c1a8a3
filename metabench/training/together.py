"""Several seeds of one learner, trained in one program.

Each state is trained by `meta_training.chunk_on` of a single device, with the seed's own key, so
that each seed meets the tasks that it meets alone. The devices divide the seeds. An accelerator
computes those of a device together, as `jax.vmap`. A core of a CPU takes them one after the other:
products of one seed's arrays are faster there than those of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.stages import Traced, Wrapped

from metabench.compute.devices import across, copied, devices_for
from metabench.compute.episodewise import in_turn, shared
from metabench.compute.hosts import several
from metabench.compute.memory import free_on, out_of_memory
from metabench.compute.native import native
from metabench.contracts.learner import Learner
from metabench.seeds import root_key
from metabench.tasks.host_images import stays
from metabench.training.flops import calls_host, operations
from metabench.training.meta_training import Programs, chunk_on, make_settling
from metabench.types import ClassTable, PyTree, TaskShape, TrainShape


class ApartError(Exception):
    """Seeds cannot be trained together; the text says why, as the end of a sentence."""


def make_chunk_together(
    learner: Learner, shape: TaskShape | TrainShape, batch: int, devices: Sequence[jax.Device]
) -> Wrapped:
    """`run(states, table, keys, first step, length) -> (states, mean metrics)`, compiled.

    States, keys and metrics are tuples, one of each for each seed; the number of seeds is that of
    the states, and may change from call to call. Copy what is given to `devices` first (`copied`).
    """
    run = chunk_on(devices[:1], learner, shape, batch)

    @partial(jax.jit, static_argnames="length", donate_argnums=0)
    def together(
        states: tuple[PyTree, ...],
        table: ClassTable | None,
        keys: tuple[jax.Array, ...],
        first: jax.Array,
        length: int,
    ) -> tuple[tuple[PyTree, ...], tuple[dict[str, jax.Array], ...]]:
        def one(table: ClassTable | None, first: jax.Array, state: PyTree, key: jax.Array) -> Any:
            return run(state, table, key, first, length)

        with across(()):  # the tasks of a seed stay on its device
            each = shared(jax.vmap if native() else in_turn, one, devices, table, first)
            found = each(jax.tree.map(lambda *leaves: jnp.stack(leaves), *states), jnp.stack(keys))
        parts = [jax.tree.map(lambda leaf, k=k: leaf[k], found) for k in range(len(states))]
        return tuple(state for state, _ in parts), tuple(metrics for _, metrics in parts)

    return together


def together(
    learner: Learner,
    shape: TaskShape | TrainShape,
    batch: int,
    table: ClassTable | None,
    states: Sequence[PyTree],
    length: int,
) -> Programs:
    """What trains several seeds together.

    Args:
      learner: one with a `training`.
      shape: of the training tasks.
      batch: tasks in a step.
      table: of the classes that all seeds are trained on.
      states: of the seeds, before the first step.
      length: of a chunk.

    Raises:
      ApartError: that is impossible here, or memory does not hold it.
    """
    if several():
        raise ApartError("several hosts train one seed together")
    if stays(table):
        raise ApartError("their images are read from the host")
    number = len(states)
    devices = devices_for(number)
    compiled = make_chunk_together(learner, shape, batch, devices)
    keys = tuple(map(root_key, range(number)))

    def traced(states: tuple[PyTree, ...], table: ClassTable | None, length: int) -> Traced:
        return compiled.trace(states, table, keys, jnp.int32(0), length)

    def flops(states: tuple[PyTree, ...], table: ClassTable | None, length: int) -> float | None:
        found = operations(traced(states, table, length).jaxpr.jaxpr)
        slots = -(-number // len(devices)) * len(devices)  # some may be empty
        return None if found is None else found / length / slots

    given = traced(*copied((tuple(states), table), devices), length)
    if calls_host(given.jaxpr.jaxpr):
        raise ApartError("the learner computes on the host")
    _check_memory(given, devices)
    return Programs(devices, compiled, make_settling(learner, shape, batch, devices[:1]), flops)


def _check_memory(given: Traced, devices: Sequence[jax.Device]) -> None:
    """`ApartError` if the program, which is compiled for it, needs more than is free."""
    free = free_on(devices)
    if free is None:
        return
    try:
        needs = given.lower().compile().memory_analysis()
    except Exception as error:  # XLA tries operations out while it compiles
        if not out_of_memory(error):
            raise
        raise ApartError("memory does not hold the program") from error
    wants = 0 if needs is None else needs.temp_size_in_bytes + needs.output_size_in_bytes
    if wants > free:
        raise ApartError(
            f"together they take {wants / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free"
        )
