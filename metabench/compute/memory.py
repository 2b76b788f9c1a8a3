"""How much memory this process may still take, and how much of a device's is free."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jax

MEMINFO = Path("/proc/meminfo")
LIMITS = (  # of a container, version 2 and 1
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available() -> int | None:
    """Bytes: what the system can give, at most what a container may have; None if unknown."""
    known = [one for one in (_free(), *map(_limit, LIMITS)) if one is not None]
    return min(known, default=None)


def free_on(devices: Sequence[jax.Device]) -> int | None:
    """Bytes that programs may still take on each of `devices`; None if unknown.

    Cores of a CPU share the memory of the system.
    """
    known = [one.memory_stats() or {} for one in devices]
    if all("bytes_limit" in one for one in known):
        return min(one["bytes_limit"] - one.get("bytes_in_use", 0) for one in known)
    there = available() if devices[0].platform == "cpu" else None
    return None if there is None else there // len(devices)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or this process, can get no more memory."""
    said = str(error)
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in said or "out of memory" in said


def _free() -> int | None:
    try:
        lines = MEMINFO.read_text("utf-8").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvail"))
    except (OSError, StopIteration):  # another system: all memory that there is
        return _installed()


def _installed() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _limit(path: Path) -> int | None:
    """The number in a file; None if there is no file, or no number, as in `max`."""
    try:
        return int(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
