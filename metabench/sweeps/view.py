"""What a person sees while a sweep goes on: a live table on a terminal, else a line for each run.

All on standard error; standard output is for the summary.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from metabench.files.progress import say
from metabench.sweeps.cells import Cell
from metabench.sweeps.files import seed_of
from metabench.sweeps.schedule import WAITING, Event, there
from metabench.sweeps.spec import BUSY, DONE, FAILED, PRUNED
from metabench.sweeps.summary import labels

HEAD = ("protocol", "learner", "done", "open", "failed")


class SweepView(AbstractContextManager["SweepView"]):
    """Counts what happens, and shows it."""

    def __init__(self, cells: Sequence[Cell], quiet: bool) -> None:
        """With `quiet`, only failures are shown."""
        self._quiet, self._live = quiet, sys.stderr.isatty() and not quiet
        self._began, self.failures = time.monotonic(), list[str]()
        self._states: dict[Path, str] = {}
        self._names: dict[Path, str] = {}
        self._groups: dict[tuple[str, str], list[Path]] = {}
        self.skipped = 0
        self.add(cells)

    def add(self, cells: Sequence[Cell]) -> None:
        """Runs that are planned; those that are there count as done."""
        named = labels(cells)
        for cell in cells:
            whole = there(cell) == len(cell.runs)
            for run in cell.runs:
                done = whole or seed_of(cell, run) is not None
                self.skipped += done
                self._states[run.path] = DONE if done else WAITING
                about = ", ".join(filter(None, (named[cell.path], f"seed {run.seed}")))
                self._names[run.path] = f"{cell.learner} under {cell.protocol.id}, {about}"
                group = self._groups.setdefault((cell.protocol.id, cell.learner), [])
                group.append(run.path)

    def __enter__(self) -> SweepView:
        if self._live:
            from rich.console import Console
            from rich.live import Live

            self._shown: Any = Live(self._table(), console=Console(stderr=True))
            self._shown.start()
        if self.skipped:
            say(f"{self.skipped} of {len(self._states)} runs have results already", not self._quiet)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._shown.update(self._table(), refresh=True)
            self._shown.stop()

    def told(self, event: Event) -> None:
        """For the schedule."""
        self._states[event.run.path] = event.state
        name = self.name(event.run.path)
        if event.state == FAILED:
            line = f"failed: {name}: {event.sentence}"
            self.failures.append(line)
            self._say(line)
        elif not self._live and event.state in (DONE, PRUNED):
            done = sum(state in (DONE, PRUNED) for state in self._states.values())
            line = f"{event.state} {done}/{len(self._states)}: {name}"
            say(f"{line}, after {time.monotonic() - self._began:.0f} s", not self._quiet)
        elif not self._live and event.state == BUSY:
            say(f"another process is at it: {name}", not self._quiet)
        if self._live:
            self._shown.update(self._table())

    def name(self, path: Path) -> str:
        """A run in words, by the path of its result."""
        return self._names.get(path, str(path))

    def _say(self, line: str) -> None:
        if self._live:
            self._shown.console.print(line, markup=False, highlight=False)
        else:
            say(line)

    def _table(self) -> Any:
        from metabench.results import tables

        lines = []
        for (protocol, learner), paths in self._groups.items():
            states = [self._states[path] for path in paths]
            done, failed = states.count(DONE) + states.count(PRUNED), states.count(FAILED)
            counts = (f"{done}/{len(paths)}", len(paths) - done - failed, failed)
            lines.append((protocol, learner, *map(str, counts)))
        return tables.table(HEAD, lines)
