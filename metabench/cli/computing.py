"""Marks the commands that compute: JAX is imported and made ready for them, and for no other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from metabench.cli import device_options as options
from metabench.files.progress import say

P = ParamSpec("P")
R = TypeVar("R")


def computes(command: Callable[..., R]) -> Callable[..., R]:
    """`command`, begun with JAX keeping its programs and using all cores, or `--devices` of them.

    What the user has told JAX stands, unless draws depend on it. The options' mistakes and `--help`
    come before it.
    """

    @wraps(command)
    def begun(*arguments: Any, devices: int | None = None, **others: Any) -> R:
        from metabench.compute.devices import needed, using

        _begin()
        with needed(), using(devices):
            return command(*arguments, **others)

    return _with_options(begun, command, {"devices": options.Devices})


def computes_together(command: Callable[..., R]) -> Callable[..., R]:
    """The same for a command that several hosts can run together, and that takes `--data`."""

    @wraps(command)
    def begun(
        *arguments: Any,
        devices: int | None = None,
        coordinator: str | None = None,
        hosts: int | None = None,
        host: int | None = None,
        data: str | None = None,
        **others: Any,
    ) -> R:
        from metabench.compute.devices import needed, using
        from metabench.compute.hosts import group_of, together
        from metabench.compute.residence import residing

        group = group_of(coordinator, hosts, host)
        _begin()
        with together(group, say), needed(), using(devices), residing(data):
            return command(*arguments, **others)

    added = {
        "devices": options.Devices,
        "data": options.Data,
        "coordinator": options.Coordinator,
        "hosts": options.Hosts,
        "host": options.Host,
    }
    return _with_options(begun, command, added)


def plans(command: Callable[P, R]) -> Callable[P, R]:
    """The same for a command that only plans here, on the processor: devices are for its jobs."""

    @wraps(command)
    def begun(*arguments: P.args, **others: P.kwargs) -> R:
        import jax

        from metabench.compute.devices import needed

        jax.config.update("jax_platforms", "cpu")
        _begin()
        with needed():
            return command(*arguments, **others)

    return begun


def _begin() -> None:
    from metabench.cli import programs
    from metabench.compute.devices import use_all_cores
    from metabench.seeds import pin

    pin()
    programs.keep()
    use_all_cores()


def _with_options(
    begun: Callable[..., R], command: Callable[..., R], added: Mapping[str, Any]
) -> Callable[..., R]:
    """`begun`, with the options of `command` and those that are added, for typer to read."""
    signature, last = inspect.signature(command, eval_str=True), inspect.Parameter.KEYWORD_ONLY
    more = [
        inspect.Parameter(name, last, default=None, annotation=kind) for name, kind in added.items()
    ]
    whole = signature.replace(parameters=[*signature.parameters.values(), *more])
    begun.__signature__ = whole  # type: ignore[attr-defined]
    return begun
