"""The files of a sweep: the results that are there, each what a run would give, and whole cells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from metabench.errors import UserError
from metabench.results import document
from metabench.results.doubts import doubts
from metabench.results.result import Result
from metabench.sweeps.cells import Cell, Run
from metabench.tracks.fewshot.request import as_command

LOCK, LOG = ".lock", ".log"  # what stands beside the result of a run


def result_of(cell: Cell) -> Result | None:
    """The result of a whole cell in its board; None where there is none, or a doubtful one."""
    return valid(cell.path, [run.seed for run in cell.runs], cell.dataset_digest)


def seed_of(cell: Cell, run: Run) -> Result | None:
    """The result of one seed of a cell; None where there is none, or a doubtful one."""
    return valid(run.path, [run.seed], cell.dataset_digest)


def valid(path: Path, seeds: Sequence[int], dataset_digest: str) -> Result | None:
    """The result at `path` if it is what its name says; None if not, or if there is none.

    Args:
      path: `<protocol>/<learner>-<settings>.json` in some folder; the name has the digest of
        settings, recipe, seeds and data.
      seeds: of its trainings.
      dataset_digest: of the data that it was measured on.
    """
    if not path.is_file():
        return None
    try:
        found = document.read(path)
    except UserError:
        return None
    same = (
        document.default_path(found, Path()) == Path(*path.parts[-2:])
        and [run.seed for run in found.runs] == list(seeds)
        and found.dataset_digest == dataset_digest
    )
    return None if not same or any(doubts(found)) else found


def is_held(path: Path) -> bool:
    """Whether some process is at the run of this result."""
    from filelock import FileLock, Timeout

    lock = path.with_suffix(LOCK)
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def complete(cell: Cell) -> Result | None:
    """The result of a cell, put together and written where all its seeds are there.

    The same seeds give the same file, whoever writes it.
    """
    there = result_of(cell)
    if there is not None:
        return there
    seeds = [seed_of(cell, run) for run in cell.runs]
    found = [one for one in seeds if one is not None]
    if len(found) < len(seeds):
        return None
    whole = merged(cell, found)
    document.write(whole, cell.path)
    return whole


def merged(cell: Cell, found: Sequence[Result]) -> Result:
    """One result of the seeds' results: what is not of one seed is that of the first."""
    first = found[0]
    for one in found[1:]:
        if _common(one) != _common(first):
            raise UserError(
                f"the seeds of {cell.learner} under {cell.protocol.id} were measured on different "
                f"data or by different versions; remove {cell.runs[0].path.parent} to run them anew"
            )
    return replace(
        first,
        runs=tuple(run for one in found for run in one.runs),
        command=_command(cell.runs),
        created=max(one.created for one in found),
    )


def _common(result: Result) -> str:
    """What the seeds of one cell share."""
    return json.dumps(
        [
            result.learner_version,
            result.learner_digest,
            result.dataset_digest,
            result.episode_digest,
            result.training_digest,
            result.environment.get("packages"),
        ]
    )


def _command(runs: Sequence[Run]) -> str:
    """The commands that ask for the same seeds: one, where they follow each other."""
    first, last = runs[0].seed, runs[-1].seed
    if last - first + 1 == len(runs):
        return as_command(replace(runs[0].request, seed=first, seeds=len(runs)))
    return " && ".join(as_command(run.request) for run in runs)
