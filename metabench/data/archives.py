"""Finds a dataset's published files: in the user's folder, in the cache, or on the network.

A file that the user supplies is accepted even if its checksum is not the published
one (archives get re-packed). The result records what was found, and the reader of the
archive checks its structure. A downloaded file must have the published checksum.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from metabench.contracts.dataset import Archive, DatasetSpec
from metabench.data import download
from metabench.errors import UserError
from metabench.files import cache as cache_
from metabench.files.litter import is_litter

VARIABLE = "METABENCH_ARCHIVES"
DEEPEST = 8  # folders within folders


class Found(NamedTuple):
    """An archive on this machine."""

    path: Path
    sha256: str  # of a file's bytes, or of a folder's file names and their bytes
    published: bool | None  # whether it is the published checksum; None: none is published


def find(
    spec: DatasetSpec,
    directory: Path | str | None = None,
    cache: Path | str | None = None,
    progress: bool = True,
) -> dict[str, Found]:
    """Return every archive of a dataset by name; download those that this machine lacks.

    The directory is the argument or else `METABENCH_ARCHIVES`. This looks in `<directory>/`,
    `<directory>/<dataset>/` and `<directory>/<folder>/` for each of the dataset's `folders`,
    then among earlier downloads in the cache. If a dataset has `alternatives`, the first
    complete set is used.

    Raises:
        UserError: an archive was not found and cannot be downloaded.
    """
    given = _directory(directory)
    if spec.archives and given and not _is(given, folder=True):
        raise UserError(
            f"`archives` is {given}, which is not a folder; name one that holds archives"
        )
    paths = _complete(spec, directory, cache)
    if paths is None:
        _refuse_fragments(spec, directory, cache)
        paths = {
            archive.name: _local(spec, archive, directory, cache)
            or _downloaded(spec, archive, directory, cache, progress)
            for archive in spec.archives
        }
    published = {one.name: one.sha256 for set_ in _sets(spec) for one in set_}
    checksums = {name: sha256(path) for name, path in paths.items()}
    return {
        name: Found(path, checksums[name], _same(checksums[name], published[name]))
        for name, path in paths.items()
    }


def available(
    spec: DatasetSpec, directory: Path | str | None = None, cache: Path | str | None = None
) -> bool:
    """Whether `find` is likely to succeed; takes seconds and downloads nothing."""
    if _complete(spec, directory, cache) is not None:
        return True
    missing = [a for a in spec.archives if _local(spec, a, directory, cache) is None]
    return all(archive.url and download.reachable(archive.url) for archive in missing)


def describe(found: Mapping[str, Found]) -> str:
    """A phrase that says whether these are the published files."""
    if any(one.published is None for one in found.values()):
        return f"local files, for which no checksum is published: {', '.join(found)}"
    differing = [name for name, one in found.items() if not one.published]
    if not differing:
        return "published archives, checksums verified"
    if len(differing) == 1:
        return f"local archive whose checksum differs from the published one: {differing[0]}"
    listed = ", ".join(differing)
    return f"local archives whose checksums differ from the published ones: {listed}"


def sha256(path: Path) -> str:
    """Return the checksum of a file, or of everything in a folder, in hexadecimal."""
    try:
        if path.is_dir():
            lines = (f"{name} {sha256(path / name)}\n" for name in folder_files(path))
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"archive `{path}` cannot be read ({error.strerror}); make it readable"
        ) from error


def folder_files(folder: Path, deepest: int = DEEPEST) -> Iterator[str]:
    """Yield the paths within a folder, sorted and relative to it, but for litter.

    Raises:
        UserError: folders are nested more than `deepest` times, or in themselves by a link.
    """
    for path in sorted(folder.iterdir()):
        if is_litter(path.name):
            continue
        if not path.is_dir():
            yield path.name
        elif deepest:
            yield from (f"{path.name}/{inner}" for inner in folder_files(path, deepest - 1))
        else:
            raise UserError(
                f"archive folder `{path}` is nested more than {DEEPEST} times; remove it, or a "
                "link that leads back"
            )


def _same(checksum: str, published: str) -> bool | None:
    return checksum == published if published else None


def _sets(spec: DatasetSpec) -> tuple[tuple[Archive, ...], ...]:
    return (spec.archives, *spec.alternatives)


def _complete(
    spec: DatasetSpec, directory: Path | str | None, cache: Path | str | None
) -> dict[str, Path] | None:
    """The first set of archives that is complete on this machine, or None."""
    for archives in _sets(spec):
        paths = {one.name: _local(spec, one, directory, cache) for one in archives}
        whole = {name: path for name, path in paths.items() if path is not None}
        if len(whole) == len(paths):
            return whole
    return None


def _refuse_fragments(
    spec: DatasetSpec, directory: Path | str | None, cache: Path | str | None
) -> None:
    """Name the missing files if a set is incomplete and nothing can be downloaded."""
    if all(archive.url for archive in spec.archives):
        return
    for archives in _sets(spec):
        found = {one.name: _local(spec, one, directory, cache) for one in archives}
        here = [f"`{path}`" for path in found.values() if path is not None]
        lacking = [one for one in archives if found[one.name] is None]
        if here and lacking:
            names = ", ".join(f"`{one.name}`" for one in lacking)
            raise UserError(
                f"{names} of dataset `{spec.name}` was not found, though {', '.join(here)} "
                f"was; {spec.obtain or 'put what is missing beside it'}"
            )


def _directory(directory: Path | str | None) -> Path | None:
    chosen = directory or os.environ.get(VARIABLE)
    return Path(chosen).expanduser() if chosen else None


def _store(spec: DatasetSpec, cache: Path | str | None) -> Path:
    return cache_.root(cache) / "archives" / spec.name


def _local(
    spec: DatasetSpec, archive: Archive, directory: Path | str | None, cache: Path | str | None
) -> Path | None:
    given = _directory(directory)
    inner = (spec.name, *spec.folders)
    places = [given, *(given / name for name in inner)] if given else []
    places.append(_store(spec, cache))
    paths = (place / archive.name for place in places)
    return next((path for path in paths if _is(path, archive.is_folder)), None)


def _is(path: Path, folder: bool) -> bool:
    """Whether `path` is a folder, or with `folder` false, a file."""
    try:
        return path.is_dir() if folder else path.is_file()
    except OSError as error:
        raise UserError(
            f"`archives` folder {path.parent} cannot be read ({error.strerror}); "
            "make it readable, or name another"
        ) from error


def _downloaded(
    spec: DatasetSpec,
    archive: Archive,
    directory: Path | str | None,
    cache: Path | str | None,
    progress: bool,
) -> Path:
    given = _directory(directory)
    looked = f"was not found in {given}" if given else "is not on this machine"
    missing = f"`{archive.name}` of dataset `{spec.name}` {looked}"
    if not archive.url:
        raise UserError(
            f"{missing}; {spec.obtain or 'put it there'}, and name that folder with "
            f"`--archives` or `{VARIABLE}`"
        )
    try:
        return download.fetch(archive, _store(spec, cache), progress)
    except download.DownloadError as error:
        raise UserError(
            f"{missing} and {error}; download {archive.url} on a machine that can, and name "
            f"its folder with `--archives` or `{VARIABLE}`"
        ) from error
