"""Reads zip archives without unpacking them to disk, and without trusting what they declare."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metabench.data.readers.damage import reported


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive; errors within the block are about it.

    Raises:
        UserError: it is no zip archive, or is damaged.
    """
    with reported(path, "a zip archive"), zipfile.ZipFile(path) as archive:
        yield archive


def files(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """Yield the entries that are files, but for what macOS adds."""
    for entry in archive.infolist():
        name = entry.filename
        if not (entry.is_dir() or name.startswith("__MACOSX/") or name.endswith("/.DS_Store")):
            yield entry


def content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the bytes of an entry, never more than it declares.

    Reading with a bound keeps zipfile from unpacking at once an entry that is larger
    than it says; the checksum is verified all the same.
    """
    with archive.open(entry) as file:
        return file.read(entry.file_size)
