"""Several hosts in one run, by `jax.distributed`: how they meet, and what they tell each other.

Every host runs the same command. Each computes its own part of a batch and of the test tasks; the
first one alone has files, and the others learn from it what stands in them.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn, TypeVar

import jax
import numpy as np

from metabench.errors import UserError
from metabench.types import PyTree

T = TypeVar("T")
AUTO = "auto"  # as an address: whatever Slurm, Open MPI or a cloud has told this process
MEETING = 300  # seconds that the first host waits for the others
SILENT = 30  # seconds after which a host that says nothing counts as lost
LOST = ("gloo", "nccl", "connection", "coordination service", "deadline_exceeded", "unavailable")


class Group(NamedTuple):
    """The hosts of a run, as one of them is told."""

    coordinator: str  # HOST:PORT of the first host, or `auto`
    hosts: int | None = None
    host: int | None = None  # number of this one, from 0


def group_of(coordinator: str | None, hosts: int | None, host: int | None) -> Group | None:
    """What the options say; None if they name no other host. `UserError` on what cannot be."""
    if coordinator is None:
        if hosts is not None or host is not None:
            raise UserError("`coordinator` is missing: HOST:PORT of host 0, the same on all hosts")
        return None
    if coordinator == AUTO:
        return Group(AUTO, hosts, host)
    name, colon, port = coordinator.rpartition(":")
    if not (name and colon and port.isdecimal() and 0 < int(port) < 2**16):
        raise UserError(f"`coordinator` is {coordinator!r}; it must be HOST:PORT, or {AUTO}")
    if hosts is None or host is None:
        raise UserError("`hosts` and `host` are missing: how many hosts there are, and which is it")
    if hosts < 1 or not 0 <= host < hosts:
        raise UserError(
            f"`host` is {host} of {hosts}; with {max(hosts, 1)} hosts it must be from 0 to "
            f"{max(hosts, 1) - 1}"
        )
    return Group(coordinator, hosts, host)


@contextmanager
def together(group: Group | None, say: Callable[[str], None]) -> Iterator[None]:
    """Inside, this process is a host of `group`. It ends the process where an error is raised.

    An orderly end would wait for hosts that are no longer there.

    Raises:
      UserError: the hosts do not find each other.
    """
    if group is None:
        yield
        return
    _meet(group, say)
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        _leave(error, say)
    jax.distributed.shutdown()


def _meet(group: Group, say: Callable[[str], None]) -> None:
    alone = group.coordinator == AUTO
    if not alone and group.host == 0:
        say(f"host 0 of {group.hosts} waits for the others at {group.coordinator}")
    elif not alone:
        _reach(group.coordinator)
    jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
    try:
        jax.distributed.initialize(
            None if alone else group.coordinator,
            group.hosts,
            group.host,
            initialization_timeout=MEETING,
            heartbeat_timeout_seconds=SILENT,
            shutdown_timeout_seconds=SILENT,
            cluster_detection_method=None if alone else "deactivate",
        )
    except (RuntimeError, ValueError, TypeError) as error:
        first = str(error).splitlines()[0].rstrip(".")
        told = "nothing here tells of other hosts" if alone else "the hosts do not find each other"
        raise UserError(
            f"`coordinator` is {group.coordinator}, but {told} ({first}); name HOST:PORT of host 0 "
            "with `hosts` and `host`, before any other work of JAX"
        ) from error


def _reach(coordinator: str) -> None:
    """Wait until host 0 answers; JAX ends the process without a sentence if it never does."""
    name, _, port = coordinator.rpartition(":")
    until = time.monotonic() + MEETING
    while True:
        try:
            socket.create_connection((name.strip("[]"), int(port)), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise UserError(
                    f"`coordinator` is {coordinator}, but nothing answers there ({error}); start "
                    "the same command on host 0, and let its port through"
                ) from error
        time.sleep(0.5)


def _leave(error: BaseException, say: Callable[[str], None]) -> NoReturn:
    """Say what happened and end this process; the other hosts notice."""
    code = 2
    if isinstance(error, UserError):
        say(f"error: {error}")
    elif isinstance(error, KeyboardInterrupt):
        say("interrupted")
        code = 130
    elif lost(error):
        said = str(error).splitlines()[0]
        say(
            f"error: another host stopped or cannot be reached ({said[:160]}); start all hosts "
            "again with `--resume`, which goes on from the last checkpoint"
        )
    else:
        traceback.print_exception(error)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def lost(error: BaseException) -> bool:
    """Whether an error is what a host raises whose connection to another one broke."""
    said = str(error).lower()
    return any(word in said for word in LOST)


def several() -> bool:
    """Whether this run has several hosts."""
    return jax.process_count() > 1


def first() -> bool:
    """Whether this host has the files: the first one, or the only one."""
    return jax.process_index() == 0


def from_first(tree: T) -> T:
    """Arrays of the first host, as NumPy's, on all hosts, which hand in arrays of equal shapes."""
    from jax.experimental.multihost_utils import broadcast_one_to_all

    return jax.tree.map(np.asarray, broadcast_one_to_all(tree, is_source=first()))


def json_from_first(value: Any) -> Any:
    """A JSON value of the first host on all hosts; what the others hand in is not read."""
    content = np.frombuffer(json.dumps(value).encode(), np.uint8) if first() else np.zeros(0, "u1")
    length = int(from_first(np.int32(len(content))))
    return json.loads(from_first(np.resize(content, length)).tobytes())


def of_all(function: Callable[[np.ndarray], PyTree], numbers: np.ndarray) -> PyTree:
    """`function(numbers)` along their leading axis, of which every host computes a part.

    All hosts get all of it, as NumPy's arrays.
    """
    from jax.experimental.multihost_utils import process_allgather

    count, hosts = len(numbers), jax.process_count()
    size = -(-count // hosts)
    places = np.arange(hosts * size) % count  # the last parts begin anew where none is left
    mine = places[jax.process_index() * size :][:size]
    found = process_allgather(function(numbers[mine]), tiled=True)
    return jax.tree.map(lambda leaf: np.asarray(leaf)[:count], found)
