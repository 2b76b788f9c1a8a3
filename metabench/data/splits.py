"""Reads the committed class lists of a dataset, which are in its folder.

Each file has a name, a number of rotations and, for each part, its classes in the
order of the class table. The digest is computed over all of this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from metabench.types import Split


@cache
def load(folder: Path, name: str) -> Split:
    """Return the split in `<folder>/<name>.json`.

    Raises:
        ValueError: the list is not the one that was committed under its digest.
    """
    stored = _json(folder / f"{name}.json")
    parts = {part: tuple(names) for part, names in stored["parts"].items()}
    digest = digest_of(stored["name"], stored["rotations"], parts)
    if digest != stored["digest"]:
        raise ValueError(f"`{name}.json` was edited: its classes do not match its digest")
    return Split(stored["name"], parts, stored["rotations"], digest)


@cache
def classes(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """The classes in `<folder>/classes.json`, grouped by the set in which they were published."""
    return {part: tuple(names) for part, names in _json(folder / "classes.json").items()}


def digest_of(name: str, rotations: int, parts: Mapping[str, tuple[str, ...]]) -> str:
    """Return the sha256 of a split's canonical text: one line for each fact, in UTF-8."""
    lines = [f"split {name}", f"rotations {rotations}"]
    for part, names in parts.items():
        lines += [f"part {part}", *names]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
