"""How a batch of episodes is spread over devices, and computed on each together or in turn.

An accelerator computes the episodes of a device together. A CPU computes them one after the other,
so that the images of one episode stay in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from metabench.compute.devices import AXIS, mesh, on_each, spread_over
from metabench.compute.native import native


def over_episodes(function: Callable[..., Any], *whole: Any) -> Callable[..., Any]:
    """`function(*whole, *episode)` over the leading axis of every leaf of a batch, like `jax.vmap`.

    Inside `across(devices)` each device computes a part of the episodes, and all devices get all
    results. The parts may be uneven. `whole` is what the episodes share: if there are several
    devices, the function must not close over arrays.
    """
    return shared(jax.vmap if native() else in_turn, function, spread_over(), *whole)


def shared(
    spread: Callable[[Callable[..., Any]], Callable[..., Any]],
    function: Callable[..., Any],
    devices: Sequence[jax.Device],
    *whole: Any,
) -> Callable[..., Any]:
    """`spread(partial(function, *whole))` of batches, a part of them on each device."""
    if len(devices) < 2:
        return spread(partial(function, *whole))
    part, all_of_it = PartitionSpec(AXIS), PartitionSpec()

    def of_part(whole: tuple[Any, ...], batch: tuple[Any, ...]) -> Any:
        return spread(partial(function, *whole))(*batch)

    def of_uneven(whole: tuple[Any, ...], batch: tuple[Any, ...]) -> Any:
        return spread(partial(_or_nothing, partial(function, *whole)))(*batch)

    def parts(function: Callable[..., Any]) -> Callable[..., Any]:
        return jax.shard_map(
            function,
            mesh=mesh(devices),
            in_specs=(all_of_it, part),
            out_specs=part,
            check_vma=False,
        )

    def mapped(*batch: Any) -> Any:
        count = jax.tree.leaves(batch)[0].shape[0]
        filled = -(-count // len(devices)) * len(devices)
        if filled > count:
            again = jnp.arange(filled) % count
            batch = (jnp.arange(filled) < count, *jax.tree.map(lambda leaf: leaf[again], batch))
        spread_out = parts(of_uneven if filled > count else of_part)
        found = jax.lax.with_sharding_constraint(spread_out(whole, batch), on_each(devices))
        return jax.tree.map(lambda leaf: leaf[:count], found) if filled > count else found

    return mapped


def in_parts(function: Callable[..., Any], devices: Sequence[jax.Device]) -> Callable[..., Any]:
    """`function(*whole, numbers)`, compiled, with a part of the numbers on each device.

    The devices divide the numbers, and exchange nothing: each leaf of the result has their axis
    first, and stays where it was computed.
    """
    if len(devices) < 2:
        return jax.jit(function)

    def spread(*given: Any) -> Any:
        part, all_of_it = PartitionSpec(AXIS), PartitionSpec()
        specs = (*(all_of_it for _ in given[1:]), part)
        return jax.shard_map(
            function, mesh=mesh(devices), in_specs=specs, out_specs=part, check_vma=False
        )(*given)

    return jax.jit(spread)


def _or_nothing(function: Callable[..., Any], wanted: jax.Array, *episode: Any) -> Any:
    """`function(*episode)` if `wanted`, else zeros.

    These cost nothing where episodes take turns, and no gradient goes through them.
    """

    def nothing(*episode: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    shapes = jax.eval_shape(function, *episode)
    return jax.lax.cond(wanted, function, nothing, *episode)


def in_turn(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` over the leading axis of every leaf, one after the other."""

    def mapped(*batch: Any) -> Any:
        if jax.tree.leaves(batch)[0].shape[0] == 1:  # avoids a loop, which prevents fusions
            alone = function(*jax.tree.map(lambda leaf: leaf[0], batch))
            return jax.tree.map(lambda leaf: leaf[None], alone)
        return jax.lax.map(lambda one: function(*one), batch)

    return mapped
