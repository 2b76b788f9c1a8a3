"""The order of runs: what is there is skipped, what failed is tried once more, others go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.sweeps.cells import Cell, Run
from metabench.sweeps.executors.executor import Executor
from metabench.sweeps.files import complete, is_held, result_of, seed_of
from metabench.sweeps.spec import BUSY, DONE, FAILED, PRUNED

TRIES = 2
WAITING = "waiting"


class Event(NamedTuple):
    """What happened to a run."""

    run: Run
    state: str  # WAITING, or as in an `Outcome`
    sentence: str = ""


@dataclass
class Schedule:
    """The runs of some cells, on their way."""

    cells: Sequence[Cell]
    executor: Executor
    spec_of: Callable[[Run], dict[str, Any]]
    per_job: int = 1
    only: int | None = None  # of each cell so many seeds; None: all
    pause: float = 5.0  # seconds before a run that another process is at is looked at again
    told: Callable[[Event], None] = lambda event: None
    failed: dict[Path, str] = field(default_factory=dict)  # sentences, by the results' paths
    pruned: set[Path] = field(default_factory=set)
    _tries: dict[Path, int] = field(default_factory=dict)
    _pending: dict[Future[Any], list[Run]] = field(default_factory=dict)
    _later: list[tuple[float, Run]] = field(default_factory=list)
    _cell: dict[Path, Cell] = field(default_factory=dict)
    _there: set[Path] = field(default_factory=set)

    def run(self) -> None:
        """Run whatever is not there, until nothing is left to do."""
        waiting = []
        for cell in self.cells:
            if self._complete(cell):
                continue
            for run in cell.runs[: self.only]:
                self._cell[run.path] = cell
                if seed_of(cell, run) is None:
                    waiting.append(run)
        for number in range(0, len(waiting), self.per_job):
            self._submit(waiting[number : number + self.per_job])
        while self._pending or self._later:
            self._again()
            self._look()
            ended = wait(self._pending, timeout=0.5, return_when=FIRST_COMPLETED).done
            for future in ended:
                self._ended(self._pending.pop(future), future)
            if not self._pending and self._later:
                time.sleep(min(self.pause, 0.5))

    def _submit(self, runs: list[Run]) -> None:
        self._pending[self.executor.submit([self.spec_of(run) for run in runs])] = runs
        for run in runs:
            self.told(Event(run, WAITING))

    def _again(self) -> None:
        """Look at what other processes were at: it is there now, or is tried here."""
        now, later = time.monotonic(), self._later
        self._later = [one for one in later if one[0] > now]
        for run in (run for when, run in later if when <= now):
            if self._valid(run):
                self._done(run)
            elif is_held(run.path):
                self._later.append((now + self.pause, run))
            else:
                self._submit([run])

    def _look(self) -> None:
        """Tell of what is there before its job has ended."""
        for runs in self._pending.values():
            for run in runs:
                if len(runs) > 1 and run.path not in self._there and self._valid(run):
                    self._done(run)

    def _ended(self, runs: Iterable[Run], future: Future[Any]) -> None:
        """Take in what became of a job."""
        error = future.exception()
        outcomes = list(future.result()) if error is None else []
        for number, run in enumerate(runs):
            state, sentence = FAILED, _sentence(error)
            if number < len(outcomes):
                state, sentence = outcomes[number]
            if state in (DONE, FAILED) and self._valid(run):
                self._done(run)
            elif state == BUSY:
                self.told(Event(run, BUSY))
                self._later.append((time.monotonic() + self.pause, run))
            elif state == PRUNED:
                self.pruned.add(run.path)
                self.told(Event(run, PRUNED))
            else:
                self._fail(run, sentence or "it left no result that can be read")

    def _valid(self, run: Run) -> bool:
        return seed_of(self._cell[run.path], run) is not None

    def _done(self, run: Run) -> None:
        if run.path in self._there:
            return
        self._there.add(run.path)
        self.told(Event(run, DONE))
        self._complete(self._cell[run.path])

    def _complete(self, cell: Cell) -> bool:
        """Write the cell's result if all its seeds are there; whether it is there."""
        try:
            return complete(cell) is not None
        except UserError as error:
            last = cell.runs[-1]
            self.failed[last.path] = str(error)
            self.told(Event(last, FAILED, str(error)))
            return True

    def _fail(self, run: Run, sentence: str) -> None:
        self._tries[run.path] = self._tries.get(run.path, 0) + 1
        if self._tries[run.path] < TRIES:
            self.told(Event(run, FAILED, f"{sentence}; it is tried once more"))
            self._submit([run])
        else:
            self.failed[run.path] = sentence
            self.told(Event(run, FAILED, sentence))


def _sentence(error: BaseException | None) -> str:
    """Why a job's process came to nothing."""
    if error is None:
        return ""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no word"]
    return lines[0] if isinstance(error, UserError) else f"{type(error).__name__}: {lines[0]}"


def there(cell: Cell) -> int:
    """How many seeds of a cell have a valid result."""
    if result_of(cell) is not None:
        return len(cell.runs)
    return sum(seed_of(cell, run) is not None for run in cell.runs)
