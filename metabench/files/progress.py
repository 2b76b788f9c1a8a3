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


@contextmanager
def steps(label: str, total: int, shown: bool = True) -> Iterator[Callable[[str], None]]:
    """Show which of `total` steps runs; yields `begin(name)`, to be called before each of them."""
    begun = 0
    if not (shown and sys.stderr.isatty()):
        say(f"{label} …", shown)
        tell = _lines(label, total, shown)
        yield lambda name: tell(1)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    name_of = TextColumn("{task.fields[name]}")
    with Progress(*columns, name_of, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total, name="")

        def begin(name: str) -> None:
            nonlocal begun
            bar.update(task, completed=begun, name=name)
            begun += 1

        yield begin


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
