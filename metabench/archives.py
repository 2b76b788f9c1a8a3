"""Finds a dataset's published files: in the user's folder, in the cache, on the network.

A file that the user supplies is taken even when its checksum is not the published
one (archives get re-packed); what was found is recorded, and the reader of the
archive checks its structure. A downloaded file must match.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from metabench import cache as cache_
from metabench import download
from metabench.datasets.spec import Archive
from metabench.errors import UserError

VARIABLE = "METABENCH_ARCHIVES"


class Found(NamedTuple):
    """An archive on this machine."""

    path: Path
    sha256: str
    published: bool  # whether that is the published checksum


def find(
    dataset: str,
    archives: tuple[Archive, ...],
    directory: Path | str | None = None,
    cache: Path | str | None = None,
    progress: bool = True,
) -> dict[str, Found]:
    """Return every archive of a dataset by name, downloading what is nowhere on this machine.

    Looks in `<directory>/`, then `<directory>/<dataset>/`, where the directory is the
    argument or else `METABENCH_ARCHIVES`; then among earlier downloads in the cache.

    Raises:
        UserError: an archive is nowhere and cannot be downloaded.
    """
    given = _directory(directory)
    if archives and given and not given.is_dir():
        raise UserError(
            f"`archives` is {given}, which is not a folder; name one that holds archives"
        )
    found = {}
    for archive in archives:
        path = _local(dataset, archive, directory, cache)
        if path is None:
            path = _downloaded(dataset, archive, directory, cache, progress)
        checksum = sha256(path)
        found[archive.name] = Found(path, checksum, checksum == archive.sha256)
    return found


def available(
    dataset: str,
    archives: tuple[Archive, ...],
    directory: Path | str | None = None,
    cache: Path | str | None = None,
) -> bool:
    """Tell within seconds whether `find` is likely to succeed; downloads nothing."""
    missing = [a for a in archives if _local(dataset, a, directory, cache) is None]
    return all(download.reachable(archive.url) for archive in missing)


def describe(found: Mapping[str, Found]) -> str:
    """Say in one phrase whether these are the published files."""
    differing = [name for name, one in found.items() if not one.published]
    if not differing:
        return "published archives, checksums verified"
    if len(differing) == 1:
        return f"local archive whose checksum differs from the published one: {differing[0]}"
    listed = ", ".join(differing)
    return f"local archives whose checksums differ from the published ones: {listed}"


def sha256(path: Path) -> str:
    """Return the checksum of a file, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"archive `{path}` cannot be read ({error.strerror})") from error


def _directory(directory: Path | str | None) -> Path | None:
    chosen = directory or os.environ.get(VARIABLE)
    return Path(chosen).expanduser() if chosen else None


def _store(dataset: str, cache: Path | str | None) -> Path:
    return cache_.root(cache) / "archives" / dataset


def _local(
    dataset: str, archive: Archive, directory: Path | str | None, cache: Path | str | None
) -> Path | None:
    given = _directory(directory)
    places = [given, given / dataset] if given else []
    places.append(_store(dataset, cache))
    paths = (place / archive.name for place in places)
    return next((path for path in paths if path.is_file()), None)


def _downloaded(
    dataset: str,
    archive: Archive,
    directory: Path | str | None,
    cache: Path | str | None,
    progress: bool,
) -> Path:
    try:
        return download.fetch(archive, _store(dataset, cache), progress)
    except download.DownloadError as error:
        given = _directory(directory)
        looked = f"was not found in {given}" if given else "is not on this machine"
        raise UserError(
            f"`{archive.name}` of dataset `{dataset}` {looked} and {error}; download "
            f"{archive.url} on a machine that can, and name its folder with "
            f"`--archives` or `{VARIABLE}`"
        ) from error
