"""The result files of the tracks that rank no episodes: forecasts, optimizers, causes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.files.litter import is_litter
from metabench.results import head, looks
from metabench.results.status import unfit


class Documents(NamedTuple):
    """The documents below a folder, and a sentence for each file that cannot be read."""

    found: list[tuple[Path, Mapping[str, Any]]]
    left_out: list[str]


def documents(folder: Path) -> Documents:
    """Every document in `<folder>/<track>/<board>/`, as the present version of its track has it.

    Looks at episodes, and results of the few-shot track, are passed over.
    """
    found: list[tuple[Path, Mapping[str, Any]]] = []
    left_out = []
    for path in sorted(folder.glob("*/*/*.json")):
        is_look = path.parent.name == looks.FOLDER
        if is_look or is_litter(path.relative_to(folder)) or not path.is_file():
            continue
        try:
            document = head.read(path)
        except UserError as error:
            left_out.append(str(error))
            continue
        if document["track"] == "fewshot":
            continue
        if doubts := unfit(document):
            left_out.extend(f"{path} {doubt}" for doubt in doubts)
            continue
        found.append((path, document))
    return Documents(found, left_out)
