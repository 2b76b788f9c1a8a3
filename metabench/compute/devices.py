"""The devices that compiled work is spread over: GPUs, or cores of a CPU (`use_all_cores`).

`using` names how many of them are used, and `in_use` says which. As with threads, the last bits of
a training depend on the number of devices.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from metabench.errors import UserError

T = TypeVar("T")
AXIS = "devices"  # of the mesh of devices
PATIENCE = 30 * 24 * 3600  # seconds that a core waits for another
PATIENCE_FLAGS = (  # of XLA: when it warns, and how much later it ends the process
    "--xla_cpu_collective_call_warn_stuck_timeout_seconds",
    "--xla_cpu_collective_call_terminate_timeout_seconds",
)
_devices: ContextVar[Sequence[jax.Device]] = ContextVar("devices", default=())
_number: ContextVar[int | None] = ContextVar("number", default=None)


@contextmanager
def using(number: int | None) -> Iterator[None]:
    """Inside, `number` devices of each host are used; all of them if it is None.

    Raises:
      UserError: there are not so many, or fewer than 1 are asked for.
    """
    if number is None:
        yield
        return
    if number < 1:
        raise UserError(f"`devices` is {number}; it must be at least 1")
    use_all_cores()
    with needed():
        there = jax.local_devices()
    if number > len(there):
        kind = "core" if there[0].platform == "cpu" else "device"
        named = f"{len(there)} {kind}s" if len(there) > 1 else f"1 {kind}"
        raise UserError(
            f"`devices` is {number}, but JAX has {named} here; take {len(there)} at most, or "
            "leave it out"
        )
    token = _number.set(number)
    try:
        yield
    finally:
        _number.reset(token)


def asked() -> bool:
    """Whether somebody said how many devices are used."""
    return _number.get() is not None


def in_use() -> list[jax.Device]:
    """All devices that work is spread over: as many of each host as `using` says."""
    number, there = _number.get(), jax.devices()
    return list(there) if number is None else _of_each_host(number, there)


def _of_each_host(number: int, there: Sequence[jax.Device]) -> list[jax.Device]:
    hosts = sorted({one.process_index for one in there})
    by_host = ([one for one in there if one.process_index == host] for host in hosts)
    return [one for some in by_host for one in some[:number]]


def here() -> list[jax.Device]:
    """Those of `in_use` that belong to this host."""
    if jax.process_count() == 1:
        return in_use()
    mine = jax.process_index()
    return [one for one in in_use() if one.process_index == mine]


@contextmanager
def across(devices: Sequence[jax.Device]) -> Iterator[None]:
    """Code traced inside spreads episodes over `devices`."""
    token = _devices.set(devices)
    try:
        yield
    finally:
        _devices.reset(token)


def spread_over() -> Sequence[jax.Device]:
    """The devices of the innermost `across`; none outside."""
    return _devices.get()


def devices_for(episodes: int) -> list[jax.Device]:
    """The devices for a batch of so many episodes: as many as shorten the longest part.

    There are equally many of each host.
    """
    there, hosts = in_use(), jax.process_count()
    longest = -(-episodes // len(there))
    if hosts == 1:
        return there[: -(-episodes // longest)]
    each = max(1, -(-episodes // (longest * hosts)))
    return _of_each_host(each, there)


def mesh(devices: Sequence[jax.Device]) -> Mesh:
    """The devices in one row."""
    return Mesh(np.array(devices), (AXIS,))


def on_each(devices: Sequence[jax.Device]) -> NamedSharding:
    """A whole array on each of `devices`."""
    return NamedSharding(mesh(devices), PartitionSpec())


def copied(tree: T, devices: Sequence[jax.Device]) -> T:
    """`tree` on each of `devices`; nothing is done if it is already there.

    If they belong to several hosts, each of these hands in the same values.
    """
    if jax.process_count() == 1:
        return jax.device_put(tree, on_each(devices))
    return jax.tree.map(partial(_copied, on_each(devices)), tree)


def _copied(where: NamedSharding, leaf: Any) -> jax.Array:
    """One array of a host, or of all of them, in another place."""
    if isinstance(leaf, jax.Array):
        if leaf.sharding == where:
            return leaf
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            words = _copied(where, jax.random.key_data(leaf))
            return jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
        if not leaf.is_fully_addressable:
            leaf = leaf.addressable_data(0)
    there = np.asarray(leaf)
    return jax.make_array_from_callback(there.shape, where, lambda index: there[index])


def on_host(tree: T) -> T:
    """Arrays that every device has whole, as NumPy's."""
    return jax.tree.map(np.asarray, tree)


def placed(tree: T, like: T) -> T:
    """Arrays of a host where those of `like` are."""
    return jax.tree.map(lambda leaf, there: _copied(there.sharding, leaf), tree, like)


def be_patient() -> None:
    """Let cores wait for each other as long as it takes, unless JAX is already initialised.

    By itself XLA ends the process after a minute: a computer that slept, or another program's
    load, would end a training.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    more = [f"{name}={PATIENCE}" for name in PATIENCE_FLAGS if name not in flags]
    os.environ["XLA_FLAGS"] = " ".join([*flags.split(), *more])


def use_all_cores() -> None:
    """Make each core a device, unless JAX is already initialised or a number was set."""
    be_patient()
    option = "jax_num_cpu_devices"
    if getattr(jax.config, option) == -1 and "device_count" not in os.environ.get("XLA_FLAGS", ""):
        try:
            jax.config.update(option, cores())
        except RuntimeError:  # JAX is already initialised
            return


@contextmanager
def needed() -> Iterator[None]:
    """An error inside is told in one sentence if its cause is that JAX can use no device.

    Raises:
      UserError: instead of the error, `JAX_PLATFORMS` names what is not there, for example.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = _unusable()
        if reason is None:
            raise
        chosen = getattr(jax.config, "jax_platforms", None)
        if chosen:
            raise UserError(
                f"`JAX_PLATFORMS` is {chosen!r}, but JAX can use no such device here ({reason}); "
                "leave it unset, or set it to cpu"
            ) from error
        raise UserError(
            f"JAX can use no device here ({reason}); set `JAX_PLATFORMS` to cpu"
        ) from error


def _unusable() -> str | None:
    """Why JAX has no devices, as far as it says; None if it has some."""
    try:
        jax.devices()
    except Exception as error:  # what a backend raises has no kind of its own
        lines = str(error).splitlines()
        return lines[0].rstrip(".") if lines else "none is there"
    return None


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
