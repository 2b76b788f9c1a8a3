"""Names within the page and addresses of the files beside it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

RESULTS = "results"  # the folder beside the page that holds copies of the result files


def slug(title: str) -> str:
    """Letters, digits and `-`, for identifiers: titles on one page are told apart by more."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "board"


def address(path: Path, folder: Path) -> str:
    """Of the copy of `path`, a file below `folder`, from the page."""
    return quote(f"{RESULTS}/{path.relative_to(folder).as_posix()}")
