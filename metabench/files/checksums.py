"""Checksums of a folder's files, in a file among them, and which file no longer has its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from metabench.files.publish import replace

NAME = "checksums.json"


def write(folder: Path) -> None:
    """Write the SHA-256 of every file in `folder`, by its place there; `OSError` if it cannot."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    sums = {path.relative_to(folder).as_posix(): _sum(path) for path in files}
    replace(folder / NAME, json.dumps(sums, indent=0).encode())


def damaged(folder: Path) -> Path | None:
    """The first file that is missing or differs; None if all are whole, or there are no sums.

    Files that were added later are not looked at.
    """
    written = folder / NAME
    if not written.is_file():
        return None
    try:
        sums = dict(json.loads(written.read_bytes()))
    except (ValueError, TypeError):
        return written
    found = (folder / name for name, value in sums.items() if _sum(folder / name) != value)
    return next(found, None)


def _sum(path: Path) -> str:
    """Empty if there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
