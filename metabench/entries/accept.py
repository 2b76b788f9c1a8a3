"""An entry's results copied into a folder of leaderboards: all of them, or none.

They are first written into `.accepting`, a hidden folder there, which is renamed to `.accepted`
when it is complete. A process that is killed after that leaves it, and the next one finishes its
work.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from metabench.entries import folder as folders
from metabench.errors import UserError
from metabench.files import publish
from metabench.results import document, looks
from metabench.results.result import Result
from metabench.results.status import content_digest, valid_signatures

News: TypeAlias = Literal["new", "replaced", "signed", "there already"]
STAGE, COMPLETE, LOCK = ".accepting", ".accepted", ".accept.lock"
NEW, OLD = "new", "old"  # in a stage: what is to come, and copies of what was there


class Accepted(NamedTuple):
    """A result of an entry that is in the boards now."""

    path: Path
    result: Result  # with the signatures of both, if it was there
    news: News


def accept(entry: folders.Entry, boards: Path, *, force: bool) -> list[Accepted]:
    """Copy the results of an entry into the folder of boards, all of them or none.

    No code of the entry is run. Signatures of a result that is there already are kept, and those of
    the entry are added.

    Args:
      entry: as it was read.
      boards: folder of a folder for each protocol; it is made if it is not there.
      force: other results, or files that are none, may be replaced.

    Raises:
      UserError: the entry is damaged, something else is in the way, or nothing can be written.
    """
    _check_whole(entry)
    with _explained(boards), _alone(boards):
        _finish(boards)
        planned = [_plan(place, one, boards) for place, one in entry.results.items()]
        if (in_the_way := [str(one.path) for one in planned if one.news == "replaced"]) and (
            not force
        ):
            raise UserError(
                f"`into` {boards} holds something else where results of the entry belong: "
                f"{', '.join(in_the_way)}; accept it into another folder, or replace what is "
                "there with `--force`"
            )
        content: dict[str, bytes] = {}
        for place, one in zip(entry.results, planned, strict=True):
            if one.news != "there already":
                content |= _content(entry, place, one, boards)
        _write(boards, content)
    return planned


def _check_whole(entry: folders.Entry) -> None:
    wrong = list(folders.damage(entry))
    if wrong:
        more = f", and {len(wrong) - 1} more; `metabench verify` lists them" if wrong[1:] else ""
        raise UserError(
            f"the entry {entry.folder} is damaged, and is not accepted: {wrong[0]}{more}"
        )


def _plan(place: str, result: Result, boards: Path) -> Accepted:
    """What becomes of one result, for its place in the entry."""
    path = boards / place.removeprefix(f"{folders.RESULTS}/")
    if ".." in path.relative_to(boards).parts:
        raise UserError(f"the entry's result {place} would be written outside of {boards}")
    if not os.path.lexists(path):
        return Accepted(path, result, "new")
    try:
        there = document.read(path)
    except UserError:  # no result: it is in the way all the same
        return Accepted(path, result, "replaced")
    if content_digest(there) != content_digest(result):
        return Accepted(path, result, "replaced")
    kept = valid_signatures(there)
    added = [one for one in valid_signatures(result) if one not in kept]
    both = replace(there, signatures=(*kept, *added) or None)
    return Accepted(path, both, "signed" if added else "there already")


def _content(entry: folders.Entry, place: str, one: Accepted, boards: Path) -> dict[str, bytes]:
    """What is written for one result: itself, and the looks at it, if the entry has some."""
    found, seen = {}, entry.folder / folders.looks_place(place)
    if seen.is_file():
        found[looks.place(one.path).relative_to(boards).as_posix()] = seen.read_bytes()
    found[one.path.relative_to(boards).as_posix()] = document.to_json(one.result).encode()
    return found


def _write(boards: Path, content: Mapping[str, bytes]) -> None:
    """Write all files, by their place in `boards`, or none; `OSError` if none could be."""
    stage, complete = boards / STAGE, boards / COMPLETE
    try:
        for place, one in content.items():
            publish.replace(stage / NEW / place, one)
            if os.path.lexists(boards / place):
                publish.replace(stage / OLD / place, (boards / place).read_bytes())
        if content:
            stage.rename(complete)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    try:
        _copy(boards)
    except OSError:
        _undo(boards, content)
        raise
    shutil.rmtree(complete, ignore_errors=True)


def _copy(boards: Path) -> None:
    """Every file of a complete stage to its place; the stage keeps it, in case of a kill."""
    staged = boards / COMPLETE / NEW
    for file in sorted(staged.rglob("*.json")):
        publish.replace(boards / file.relative_to(staged), file.read_bytes())


def _undo(boards: Path, content: Mapping[str, bytes]) -> None:
    """What was there, again; it takes no room on the disk."""
    for place in content:
        path, old = boards / place, boards / COMPLETE / OLD / place
        if old.exists():
            os.replace(old, path)
        else:
            path.unlink(missing_ok=True)
            if path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()
    shutil.rmtree(boards / COMPLETE, ignore_errors=True)


def _finish(boards: Path) -> None:
    """End what a process began that was killed."""
    shutil.rmtree(boards / STAGE, ignore_errors=True)  # not complete: nothing was changed yet
    if (boards / COMPLETE).is_dir():
        _copy(boards)
        shutil.rmtree(boards / COMPLETE)


@contextmanager
def _alone(boards: Path) -> Iterator[None]:
    """Hold the lock of `boards`; who comes second waits, for a moment as a rule."""
    from filelock import FileLock

    boards.mkdir(parents=True, exist_ok=True)
    lock = FileLock(boards / LOCK)
    lock.acquire()
    while not (boards / LOCK).exists():  # who held it removed it meanwhile
        lock.release()
        lock.acquire()
    try:
        yield
    finally:
        (boards / LOCK).unlink(missing_ok=True)
        lock.release()


@contextmanager
def _explained(boards: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"`into` {boards} cannot be written ({error.strerror or error}); none of the entry's "
            "results is there"
        ) from error
