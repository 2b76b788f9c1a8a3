"""The result files of the tracks that rank no episodes: forecasts and optimizers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from metabench.files.litter import is_litter

KINDS = ("forecast", "optimizer")  # what stands in a document as its `kind`


class Documents(NamedTuple):
    """The documents below a folder, and a sentence for each file that cannot be read."""

    found: list[tuple[Path, Mapping[str, Any]]]
    left_out: list[str]


def documents(folder: Path) -> Documents:
    """Every document of `KINDS` in `<folder>/<track>/<board>/`; other files are passed over."""
    found: list[tuple[Path, Mapping[str, Any]]] = []
    left_out = []
    for path in sorted(folder.glob("*/*/*.json")):
        if is_litter(path.relative_to(folder)) or not path.is_file():
            continue
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            left_out.append(f"{path} cannot be read as JSON ({type(error).__name__})")
            continue
        if isinstance(document, dict) and document.get("kind") in KINDS:
            found.append((path, document))
    return Documents(found, left_out)
