"""What a person sees while a run goes on: a live bar on a terminal, else a line now and then.

All on standard error; standard output is for results.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import NamedTuple

from metabench.files.progress import say
from metabench.training.loop import Point, Report, Trained
from metabench.training.watcher import Watcher

LINE_EVERY = 15.0  # seconds between lines where there is no terminal


class Measure(NamedTuple):
    """What validation measures, and how it is written."""

    name: str
    text: Callable[[float], str]
    tasks: str  # what is trained on


ACCURACY = Measure("accuracy", lambda value: f"{100 * value:.2f} %", "episodes")
LOG_LIKELIHOOD = Measure("log-likelihood", lambda value: f"{value:.3f} nats", "functions")
# Validation is worth more the lower that loss is: it is kept with its sign turned.
FINAL_LOSS = Measure("final loss", lambda value: f"{-value:.4f}", "instances")


class RunView(AbstractContextManager["RunView"]):
    """Shows training and evaluation, and keeps the learning curves."""

    def __init__(self, quiet: bool, measure: Measure = ACCURACY) -> None:
        """With `quiet`, only notes are shown."""
        self._measure = measure
        self.curves: dict[int, list[Point]] = {}
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._last_line = 0.0

    def __enter__(self) -> RunView:
        if self._live:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}"), BarColumn(bar_width=24))
            details = (MofNCompleteColumn(), TextColumn("{task.fields[detail]}"))
            self._bar = Progress(*columns, *details, console=Console(stderr=True))
            self._bar.start()
            self._tasks: dict[str, object] = {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._bar.stop()

    def watcher(self) -> Watcher:
        """What to hand to the run."""
        return Watcher(self._training, self._trained, self._evaluating, self._canaries, self._note)

    def _note(self, text: str) -> None:
        say(text)

    def _training(self, seed: int, report: Report) -> None:
        line = describe(report, self._measure)
        self._show(f"training, seed {seed}", report.step, report.steps, line)

    def _trained(self, seed: int, trained: Trained) -> None:
        self.curves[seed] = trained.history
        if trained.best_validation is not None:
            found = f"{self._measure.name} {self._measure.text(trained.best_validation)}"
            text = f"seed {seed}: best validation {found} at step {trained.best_step}"
            say(f"{text}, trained in {_clock(trained.seconds)}", not self._quiet)

    def _evaluating(self, seed: int, done: int, total: int) -> None:
        self._show(f"testing, seed {seed}", done, total, "")

    def _canaries(self, done: int, total: int) -> None:
        self._show("canaries", done, total, "")

    def _show(self, label: str, done: int, total: int, detail: str) -> None:
        if self._live:
            if label not in self._tasks:
                self._tasks[label] = self._bar.add_task(label, total=total, detail="")
            self._bar.update(self._tasks[label], completed=done, detail=detail)  # type: ignore[arg-type]
            return
        now = time.monotonic()
        if now - self._last_line >= LINE_EVERY or done == total:
            self._last_line = now
            say(f"{label}: {done:,}/{total:,}  {detail}".rstrip(), not self._quiet)


def describe(report: Report, measure: Measure = ACCURACY) -> str:
    """Loss, validation, speed and time left, in one line."""
    found = report.validation
    validated = "not yet" if found is None else measure.text(found)
    return (
        f"loss {report.loss:.3f}  validation {validated}  "
        f"{report.episodes_per_second:.1f} {measure.tasks}/s  {_clock(report.seconds_left)} left"
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
