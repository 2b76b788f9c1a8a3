"""Names within the page and addresses of the files beside it."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

RESULTS = "results"  # the folder beside the page that holds copies of the result files


def slug(title: str) -> str:
    """`title` as an identifier: letters, digits, `_` and `-`; other titles have another one."""
    plain = re.sub(r"[^a-z0-9_]+", "-", title.lower()).strip("-") or "board"
    return plain if plain == title else f"{plain}-{sha256(title.encode()).hexdigest()[:6]}"


def address(path: Path, folder: Path) -> str:
    """Of the copy of `path`, a file below `folder`, from the page."""
    return quote(f"{RESULTS}/{path.relative_to(folder).as_posix()}")
