"""What trainings leave beside their checkpoints, and how it is removed.

Beside a folder of checkpoints `seed0` stand `seed0.lock`, which a training holds while it goes on,
and `seed0.previous`, the checkpoints that the last training without `--resume` moved aside.
Neither is of use after a training, but for a copy whose successor has no checkpoint yet.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from metabench.errors import UserError
from metabench.training.checkpoints import LOCK, PREVIOUS, steps_in

NAME = re.compile(rf"(seed\d+)({re.escape(LOCK)}|{re.escape(PREVIOUS)})")
UNFINISHED = "*.orbax-checkpoint-tmp*"  # checkpoints that a process was writing as it was killed


class Cleaned(NamedTuple):
    """What was done below a folder of runs."""

    removed: list[Path]
    busy: list[Path]  # folders in which a training goes on; nothing was touched there
    kept: list[Path]  # earlier checkpoints whose successor has none


def clean(run_dir: Path) -> Cleaned:
    """Remove what is stale below `run_dir`; no checkpoint of a training in progress is touched.

    Raises:
      UserError: there is no such folder, or something in it cannot be removed.
    """
    if not run_dir.is_dir():
        raise UserError(f"`run_dir` {run_dir} is not there; name the folder of your runs")
    done = Cleaned([], [], [])
    for directory in sorted(set(_trainings(run_dir))):
        try:
            _clean_one(directory, done)
        except OSError as error:
            raise UserError(
                f"`run_dir` {directory} cannot be cleaned ({error.strerror}); change its "
                "permissions"
            ) from error
    return done


def _trainings(run_dir: Path) -> Iterator[Path]:
    """Folders of checkpoints, there or not, that have something beside them."""
    for path in run_dir.rglob("seed*"):
        found = NAME.fullmatch(path.name)
        if found:
            yield path.with_name(found[1])


def _clean_one(directory: Path, done: Cleaned) -> None:
    """Clean around one folder of checkpoints, holding its lock."""
    from filelock import FileLock, Timeout

    path = directory.with_name(directory.name + LOCK)
    lock, was_there = FileLock(path), path.exists()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        done.busy.append(directory)
        return
    try:
        for folder in _stale(directory, done):
            shutil.rmtree(folder)
            done.removed.append(folder)
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink(missing_ok=True)  # who waits for it sees that, and makes another
        lock.release()
    if was_there and not path.exists():
        done.removed.append(path)


def _stale(directory: Path, done: Cleaned) -> Iterator[Path]:
    if directory.is_dir():
        yield from sorted(directory.glob(UNFINISHED))
    aside = directory.with_name(directory.name + PREVIOUS)
    if not aside.is_dir():
        return
    if steps_in(directory):
        yield aside
    else:
        done.kept.append(aside)
