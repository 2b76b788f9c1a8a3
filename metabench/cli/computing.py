"""Marks the commands that compute: JAX is imported and made ready for them, and for no other."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def computes(command: Callable[P, R]) -> Callable[P, R]:
    """`command`, begun with JAX keeping its programs and using all cores.

    What the user has told JAX stands, unless draws depend on it. The options' mistakes and `--help`
    come before it.
    """

    @wraps(command)
    def begun(*arguments: P.args, **options: P.kwargs) -> R:
        from metabench.cli import programs
        from metabench.compute.devices import needed, use_all_cores
        from metabench.seeds import pin

        pin()
        programs.keep()
        use_all_cores()
        with needed():
            return command(*arguments, **options)

    return begun
