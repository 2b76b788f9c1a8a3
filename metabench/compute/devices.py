"""The devices that compiled work is spread over: GPUs, or cores of a CPU (`use_all_cores`).

As with threads, the last bits of a training depend on the number of devices.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from metabench.errors import UserError

T = TypeVar("T")
AXIS = "devices"  # of the mesh of devices
_devices: ContextVar[Sequence[jax.Device]] = ContextVar("devices", default=())


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
    """The devices for a batch of so many episodes: as many as shorten the longest part."""
    there = jax.devices()
    longest = -(-episodes // len(there))
    return there[: -(-episodes // longest)]


def mesh(devices: Sequence[jax.Device]) -> Mesh:
    """The devices in one row."""
    return Mesh(np.array(devices), (AXIS,))


def on_each(devices: Sequence[jax.Device]) -> NamedSharding:
    """A whole array on each of `devices`."""
    return NamedSharding(mesh(devices), PartitionSpec())


def copied(tree: T, devices: Sequence[jax.Device]) -> T:
    """`tree` on each of `devices`; nothing is done if it is already there."""
    return jax.device_put(tree, on_each(devices))


def use_all_cores() -> None:
    """Make each core a device, unless JAX is already initialised or a number was set."""
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
