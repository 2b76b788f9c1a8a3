"""The progress of a long step: a bar on a terminal, otherwise a plain line now and then.

It is written to standard error, so that standard output has only results.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Advance: TypeAlias = Callable[[int], None]
PAUSE = 30  # seconds between two plain lines, at least


def say(text: str, shown: bool = True) -> None:
    """Print one line to standard error."""
    if shown:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def progress(label: str, total: int, shown: bool = True) -> Iterator[Advance]:
    """Show how much of `total` is done; yields `advance(steps)`."""
    if shown and sys.stderr.isatty():
        with _bar(label, total) as advance:
            yield advance
        return
    say(f"{label} …", shown)
    yield _lines(label, total, shown)


def _lines(label: str, total: int, shown: bool) -> Advance:
    done, said = 0, time.monotonic()

    def advance(steps: int) -> None:
        nonlocal done, said
        done, now = done + steps, time.monotonic()
        if done < total and now - said >= PAUSE:
            said = now
            say(f"{label}: {done / total:.0%}".replace("%", " %"), shown)

    return advance


@contextmanager
def _bar(label: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.update(task, advance=steps)
