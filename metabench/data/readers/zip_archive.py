"""Reads zip archives without unpacking them to disk, and without trusting their headers."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metabench.data.readers.damage import reported
from metabench.files.litter import is_litter


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive; errors within the block are reported as errors of this file.

    Raises:
        UserError: it is not a zip archive, or is damaged.
    """
    with reported(path, "a zip archive"), zipfile.ZipFile(path) as archive:
        yield archive


def files(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """Yield the entries that are files, except those that systems leave."""
    for entry in archive.infolist():
        if not (entry.is_dir() or is_litter(entry.filename)):
            yield entry


def content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the bytes of an entry, never more than it declares.

    With this limit, zipfile does not unpack an entry that is larger than it declares;
    the checksum is still verified.
    """
    with archive.open(entry) as file:
        return file.read(entry.file_size)
