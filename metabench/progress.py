"""How far a long step has come: a bar on a terminal, one plain line elsewhere.

All of it goes to standard error, so that standard output stays for results.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Advance: TypeAlias = Callable[[int], None]


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
    yield lambda steps: None


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
