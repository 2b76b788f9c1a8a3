"""Ctrl-C: what is said, and an end at once where an exception would not come through."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from metabench.files.progress import say

CODE = 130  # as shells have it
IMPORTS = "<frozen importlib._bootstrap>"


def sentence(command: Any, arguments: Sequence[str]) -> str:
    """What the user can do next.

    Args:
      command: of the whole program, from `typer.main.get_command`.
      arguments: of this process.
    """
    for name in arguments:
        below = getattr(command, "commands", {}).get(name)
        if below is None:
            break
        command = below
    if "resume" in {one.name for one in command.params}:
        return "Interrupted; the same command with `--resume` continues from the last checkpoint."
    if {"seeds", "grid"} & {one.name for one in command.params}:  # they train what is missing
        return "Interrupted; the same command keeps what is trained, and continues from there."
    return "Interrupted; the same command begins anew."


@contextmanager
def at_once(text: Callable[[], str]) -> Iterator[None]:
    """While modules are imported, Ctrl-C says `text()` and ends the process.

    Extensions in C turn an exception then into another one, or crash. Nothing is written then
    that is not whole.
    """
    earlier = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or earlier is not signal.default_int_handler:
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if _imports(frame):
            say(text())
            os._exit(CODE)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported."""
    while frame is not None:
        if frame.f_code.co_filename == IMPORTS:
            return True
        frame = frame.f_back
    return False
