"""How a batch of episodes is spread: over devices, and on each together or in turn.

On an accelerator the episodes of a device are taken together, on a CPU in turn: there the images
of one episode keep in cache. A CPU is several devices where JAX was told so (`use_all_cores`), one
for each core. As with threads, the last bits of a training depend on how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from metabench.nets.ops import native

T = TypeVar("T")
_AXIS = "episodes"
_devices: ContextVar[Sequence[jax.Device]] = ContextVar("devices", default=())


def over_episodes(function: Callable[..., Any], *whole: Any) -> Callable[..., Any]:
    """`function(*whole, *episode)` over the leading axis of every leaf of a batch, like `jax.vmap`.

    Inside `across(devices)` each device takes an equal part of the episodes, and all devices get
    all results. `whole` is what the episodes share: where there are several devices, the function
    must not close over arrays.
    """
    return shared(jax.vmap if native() else in_turn, function, _devices.get(), *whole)


def shared(
    spread: Callable[[Callable[..., Any]], Callable[..., Any]],
    function: Callable[..., Any],
    devices: Sequence[jax.Device],
    *whole: Any,
) -> Callable[..., Any]:
    """`spread(partial(function, *whole))` of batches, on each device for an equal part."""
    if len(devices) < 2:
        return spread(partial(function, *whole))
    mesh, part, all_of_it = _mesh(devices), PartitionSpec(_AXIS), PartitionSpec()

    def on_each(whole: tuple[Any, ...], batch: tuple[Any, ...]) -> Any:
        return spread(partial(function, *whole))(*batch)

    parts = jax.shard_map(
        on_each, mesh=mesh, in_specs=(all_of_it, part), out_specs=part, check_vma=False
    )
    everywhere = NamedSharding(mesh, all_of_it)
    return lambda *batch: jax.lax.with_sharding_constraint(parts(whole, batch), everywhere)


def in_turn(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` over the leading axis of every leaf, one after the other."""

    def mapped(*batch: Any) -> Any:
        if jax.tree.leaves(batch)[0].shape[0] == 1:  # spares a loop, which costs fusions
            alone = function(*jax.tree.map(lambda leaf: leaf[0], batch))
            return jax.tree.map(lambda leaf: leaf[None], alone)
        return jax.lax.map(lambda one: function(*one), batch)

    return mapped


@contextmanager
def across(devices: Sequence[jax.Device]) -> Iterator[None]:
    """What is traced inside spreads episodes over `devices`; their number must divide theirs."""
    token = _devices.set(devices)
    try:
        yield
    finally:
        _devices.reset(token)


def devices_for(episodes: int) -> list[jax.Device]:
    """The devices that a batch of so many is spread over: as many as there are that divide it."""
    there = jax.devices()
    most = next(n for n in range(min(episodes, len(there)), 0, -1) if episodes % n == 0)
    return there[:most]


def copied(tree: T, devices: Sequence[jax.Device]) -> T:
    """`tree` on each of `devices`; nothing is done where it is there already."""
    return jax.device_put(tree, NamedSharding(_mesh(devices), PartitionSpec()))


def use_all_cores() -> None:
    """Make each core a device, unless JAX has begun or was told a number."""
    option = "jax_num_cpu_devices"
    if getattr(jax.config, option) == -1 and "device_count" not in os.environ.get("XLA_FLAGS", ""):
        try:
            jax.config.update(option, cores())
        except RuntimeError:  # it has begun
            return


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mesh(devices: Sequence[jax.Device]) -> Mesh:
    return Mesh(np.array(devices), (_AXIS,))
