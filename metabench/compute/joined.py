"""Work that takes a whole batch at once, with a part of the batch on each device.

XLA divides the operations itself, and exchanges what they need of one another. The results are
those of one device, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import jax
from jax.sharding import NamedSharding, PartitionSpec

from metabench.compute.devices import AXIS, asked, in_use, mesh, on_each

T = TypeVar("T")


def devices_for_all() -> list[jax.Device]:
    """The devices for work on a whole batch: one, unless somebody said how many, or several hosts.

    On a CPU, all cores share the work of one device anyway.
    """
    there = in_use()
    return there if asked() or jax.process_count() > 1 else there[:1]


def parted(batch: T, devices: Sequence[jax.Device]) -> T:
    """Arrays of a batch, inside `jit`, with a part of each on each device.

    They are divided along the first of their two leading axes that the devices divide; where there
    is none, every device has the whole array.
    """
    if len(devices) < 2:
        return batch
    row = mesh(devices)

    def one(leaf: jax.Array) -> jax.Array:
        even = [axis for axis in range(min(2, leaf.ndim)) if leaf.shape[axis] % len(devices) == 0]
        spec = PartitionSpec(*[None] * even[0], AXIS) if even else PartitionSpec()
        return jax.lax.with_sharding_constraint(leaf, NamedSharding(row, spec))

    return jax.tree.map(one, batch)


def whole(tree: T, devices: Sequence[jax.Device]) -> T:
    """Arrays, inside `jit`, of which every device has all."""
    if len(devices) < 2:
        return tree
    return jax.lax.with_sharding_constraint(tree, on_each(devices))
