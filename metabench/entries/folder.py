"""An entry's folder: written whole or not at all, and read without running anything in it.

entry.json            the learner, what the submitter claims, and a digest of every file
results/<protocol>/   result documents
states/<protocol>/    trained states, one `.npz` for each seed
looks/<protocol>/     two test episodes with the answers, to look at; none of streams
source/               the learner's file, if no package registers it
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.files.canonical import canonical
from metabench.files.publish import write_text
from metabench.results import document, schemas
from metabench.results.doubts import doubts
from metabench.results.result import Result
from metabench.results.status import content_digest

SCHEMA_VERSION = 1
SCHEMA = "entries/entry.schema.json"
ABOUT, RESULTS, STATES, CHECKS = "entry.json", "results", "states", "checks.json"
LOOKS = "looks"
PREVIOUS = ".previous"  # how an entry is called while another takes its place


class Entry(NamedTuple):
    """An entry as it was read."""

    folder: Path
    about: Mapping[str, Any]  # `entry.json`
    results: Mapping[str, Result]  # by path within the folder


def state_place(protocol: str, seed: int) -> str:
    """Where the state of a seed's training lies, within the folder."""
    return f"{STATES}/{protocol}/seed{seed}.npz"


def looks_place(place: str) -> str:
    """Where the looks at the result at `place` lie, within the folder."""
    return LOOKS + place.removeprefix(RESULTS)


def digest_of(place: str, content: bytes) -> str:
    """What `entry.json` says of a file. A result's digest is that of all but its signatures."""
    if place.startswith(f"{RESULTS}/"):
        return content_digest(document.from_json(content.decode("utf-8"), place))
    return hashlib.sha256(content).hexdigest()


def write(
    folder: Path, about: Mapping[str, Any], content: Mapping[str, bytes], *, replace: bool
) -> None:
    """Write an entry, whole or not at all.

    Args:
      folder: of the entry; it must not be there, unless `replace`.
      about: for `entry.json`; digests are added.
      content: the other files, by their path within the folder.
      replace: an entry that is there is replaced.

    Raises:
      UserError: something else is there, or it cannot be written.
    """
    _recover(folder)
    check_free(folder, replace)
    digests = {place: digest_of(place, one) for place, one in content.items()}
    head = {"schema_version": SCHEMA_VERSION, **about, "files": digests}
    made = {ABOUT: canonical(head).encode(), **content}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _fill(partial, made)
            _publish(partial, folder, replace)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"`out` {folder} cannot be written ({error.strerror}); nothing was changed"
        ) from error


def _fill(folder: Path, content: Mapping[str, bytes]) -> None:
    for place, one in content.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(one)
            file.flush()
            os.fsync(file.fileno())
    folder.chmod(0o755)


def _publish(partial: Path, folder: Path, replace: bool) -> None:
    """Rename; an entry that was there is put aside first, and comes back if that fails."""
    aside = partial.with_name(partial.name + PREVIOUS)
    if replace and folder.is_dir():
        folder.rename(aside)
    try:
        partial.rename(folder)  # fails where another process was faster
    except OSError:
        if aside.is_dir():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _recover(folder: Path) -> None:
    """Mend what a process left that was killed while it replaced the entry."""
    for aside in sorted(folder.parent.glob(f".{folder.name}.*{PREVIOUS}")):
        if folder.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(folder)


def check_free(folder: Path, replace: bool) -> None:
    """`UserError` if `folder` is there and may not be replaced."""
    if not os.path.lexists(folder):
        return
    if not (folder / ABOUT).is_file():
        raise UserError(f"`out` {folder} is there, and is no entry; name another folder")
    if not replace:
        raise UserError(f"`out` {folder} holds an entry; name another folder, or use `--force`")


def read(folder: Path) -> Entry:
    """The entry in `folder`. None of its code is run, and no state is read.

    Raises:
      UserError: it is none, or a file cannot be read.
    """
    about = _about(folder / ABOUT)
    places = [place for place in about["files"] if place.startswith(f"{RESULTS}/")]
    if not places:
        raise UserError(f"{folder / ABOUT} names no result")
    return Entry(folder, about, {place: document.read(folder / place) for place in places})


def _about(path: Path) -> dict[str, Any]:
    if not path.parent.is_dir():
        raise UserError(f"`entry` names the folder {path.parent}, but there is no such folder")
    if not path.is_file():
        raise UserError(f"`entry` names {path.parent}, which is no entry: it holds no {ABOUT}")
    try:
        about: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path.parent} is no entry: {ABOUT} cannot be read ({error})") from error
    schemas.check(about, SCHEMA, str(path), "that of an entry")
    for place in about["files"]:
        if not (path.parent / place).resolve().is_relative_to(path.parent.resolve()):
            raise UserError(f"{path} names a file outside of its folder: {place}")
    return about


def damage(entry: Entry) -> Iterator[str]:
    """A sentence for each file that is not what `entry.json` or the file itself says it is."""
    wanted = entry.about["files"]
    for place, digest in wanted.items():
        path = entry.folder / place
        if not path.is_file():
            yield f"{place} is missing"
        elif digest_of(place, path.read_bytes()) != digest:
            yield f"{place} was changed: its digest is not that of {ABOUT}"
    found = {
        path.relative_to(entry.folder).as_posix()
        for path in entry.folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    yield from (f"{place} is not named in {ABOUT}" for place in sorted(found - {*wanted, ABOUT}))
    for place, result in entry.results.items():
        yield from (f"{place} {doubt}" for doubt in doubts(result, Path(place).parent.name))
        if place != f"{RESULTS}/{document.default_path(result, Path()).as_posix()}":
            yield f"{place} is not where a result of these settings lies"


def sign(entry: Entry, place: str, result: Result) -> None:
    """Write the result at `place` with its new signatures; nothing else of it may differ."""
    assert content_digest(result) == content_digest(entry.results[place])
    write_text(entry.folder / place, document.to_json(result))
