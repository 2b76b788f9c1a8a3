"""A program whose arrays have independent columns, with a part of the columns on each device.

Columns lie along the last axis of an array: the coordinates that an optimizer updates. All
devices run the same program; the functions here select the work that a device does for its own
part. Outside `on_parts` there is only one part, and these functions do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from metabench.compute.devices import AXIS, asked, in_use, mesh
from metabench.compute.native import native

T = TypeVar("T")
LEAST = 4096  # columns; with fewer, a core of their own does not pay
_parts: ContextVar[int] = ContextVar("parts", default=1)


def devices_for_columns(count: int) -> list[jax.Device]:
    """The devices that `count` columns are spread over.

    On an accelerator it is one device, unless somebody said how many.
    """
    there = in_use()
    alone = native() and not asked()
    return there[: 1 if alone else max(1, min(len(there), count // LEAST))]


def on_parts(function: Callable[..., T], devices: Sequence[jax.Device]) -> Callable[..., T]:
    """Run `function` on all `devices`, each with a part of the columns.

    Arguments and results are whole arrays, the same on all devices. `function` must not close over
    arrays.
    """
    if len(devices) < 2:
        return function

    def on_each(*given: Any) -> T:
        token = _parts.set(len(devices))
        try:
            return function(*given)
        finally:
            _parts.reset(token)

    whole = PartitionSpec()
    return jax.shard_map(
        on_each, mesh=mesh(devices), in_specs=whole, out_specs=whole, check_vma=False
    )


def part_size(count: int) -> int:
    """How many of `count` columns a device has, including the padding of the last part."""
    return -(-count // _parts.get())


def own(rows: jax.Array) -> jax.Array:
    """This device's part of [..., n], an array that all devices have; the padding is 0."""
    if _parts.get() == 1:
        return rows
    size = part_size(rows.shape[-1])
    filled = widened(rows, size * _parts.get())
    return jax.lax.dynamic_slice_in_dim(filled, jax.lax.axis_index(AXIS) * size, size, axis=-1)


def gathered(part: jax.Array, count: int) -> jax.Array:
    """All `count` columns, from each device's part [..., size]."""
    if _parts.get() > 1:
        part = jax.lax.all_gather(part, AXIS, axis=part.ndim - 1, tiled=True)
    return part[..., :count]


def taken(part: jax.Array, columns: jax.Array) -> jax.Array:
    """The columns with the numbers [m], on all devices: [..., m]."""
    if _parts.get() == 1:
        return part[..., columns]
    places = columns - jax.lax.axis_index(AXIS) * part.shape[-1]
    here = (places >= 0) & (places < part.shape[-1])
    found = part[..., jnp.clip(places, 0, part.shape[-1] - 1)]
    return jax.lax.psum(jnp.where(here, found, 0), AXIS)


def summed(tree: T) -> T:
    """The sum over all columns, from the sum of each device."""
    return tree if _parts.get() == 1 else jax.lax.psum(tree, AXIS)


def widened(rows: jax.Array, width: int) -> jax.Array:
    """[..., n] to [..., width], padded with zeros."""
    return jnp.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, width - rows.shape[-1])])
