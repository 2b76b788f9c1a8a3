"""A CSV file for each seed, in the folder of the run: `log-seed0.csv`."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from metabench.files.publish import write_text
from metabench.training.logs.log import Log, Subject, Values

HEAD = ("step", "loss", "validation_accuracy", "episodes_per_second")


def opener() -> Callable[[Subject], Log]:
    """No package is needed."""
    return opened


def opened(subject: Subject) -> Log:
    """Begin the file of a seed, or go on in it."""
    path = subject.folder / f"log-seed{subject.seed}.csv"
    begun = False

    def write(step: int, values: Values) -> None:
        nonlocal begun
        if not begun:
            begun = True
            lines = [",".join(HEAD), *_before(path, step)]
            write_text(path, "\n".join(lines) + "\n")
        with path.open("a", encoding="utf-8", newline="") as file:
            row = [step, *(values.get(name, "") for name in HEAD[1:])]
            csv.writer(file, lineterminator="\n").writerow(row)

    return Log(write, lambda: None)


def _before(path: Path, step: int) -> list[str]:
    """The whole lines of an earlier process that stand before `step`."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[1:-1]  # what follows the last end is cut
    found = [(line.partition(",")[0], line) for line in lines]
    return [line for number, line in found if number.isdecimal() and int(number) < step]
