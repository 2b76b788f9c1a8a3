"""What a log is, how one is chosen by its name, and how a watcher writes to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from metabench.errors import UserError, suggest
from metabench.training.loop import Report, Trained
from metabench.training.watcher import Watcher

KINDS = ("csv", "tensorboard", "wandb")

Values: TypeAlias = Mapping[str, float]


class Log(NamedTuple):
    """Where the figures of one training go."""

    write: Callable[[int, Values], None]
    """`write(step, values)`; what an earlier process wrote of this step or later ones, before it
    was interrupted, is replaced at the first call."""
    close: Callable[[], None]


class Subject(NamedTuple):
    """The training that is logged."""

    folder: Path  # of its run
    name: str
    seed: int
    settings: Mapping[str, Any]  # that its first step depends on, for those who compare


def check_logs(kinds: Sequence[str]) -> None:
    """`UserError` on a kind of log that there is not, or whose package is not installed."""
    for kind in kinds:
        if kind not in KINDS:
            raise UserError(
                f"`log` is {kind!r}{suggest(kind, KINDS)}; it must be one of: {', '.join(KINDS)}"
            )
        _opener(kind)


def _opener(kind: str) -> Callable[[Subject], Log]:
    """What opens a log of this kind; its package is imported here."""
    module: Any = import_module(f"metabench.training.logs.{kind}_log")
    return module.opener()


@contextmanager
def logged(
    watcher: Watcher, kinds: Sequence[str], folder: Path, name: str, settings: Mapping[str, Any]
) -> Iterator[Watcher]:
    """A watcher that also writes the training of each seed to logs, which are open meanwhile.

    Args:
      watcher: what is told of the run besides.
      kinds: of logs, from `KINDS`.
      folder: of the run.
      name: of the run, for people.
      settings: of the run, for those who compare.
    """
    check_logs(kinds)
    open_one: dict[int, list[Log]] = {}

    def write(seed: int, step: int, values: Values) -> None:
        if seed not in open_one:
            subject = Subject(folder, name, seed, settings)
            open_one[seed] = [_opener(kind)(subject) for kind in kinds]
        known = {name: value for name, value in values.items() if math.isfinite(value)}
        for log in open_one[seed]:
            log.write(step, known)

    def close(seed: int) -> None:
        for log in open_one.pop(seed, ()):
            log.close()

    def training(seed: int, report: Report) -> None:
        write(seed, report.step, _figures(report))
        watcher.training(seed, report)

    def trained(seed: int, found: Trained) -> None:
        if found.history:
            end = found.history[-1]
            write(seed, end.step, {"loss": end.loss, "validation_accuracy": end.validation})
        close(seed)
        watcher.trained(seed, found)

    try:
        yield replace(watcher, training=training, trained=trained) if kinds else watcher
    finally:
        for seed in tuple(open_one):
            close(seed)


def _figures(report: Report) -> dict[str, float]:
    figures = {"loss": report.loss, "episodes_per_second": report.episodes_per_second}
    if report.validation is not None:
        figures["validation_accuracy"] = report.validation  # the newest one
    return figures
