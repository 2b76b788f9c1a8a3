"""The result files of a folder: those that can be ranked, and why others are left out."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

from metabench.errors import UserError
from metabench.files.litter import is_litter
from metabench.files.publish import is_stream
from metabench.results import document as results
from metabench.results.doubts import doubts
from metabench.results.result import Result


class Collected(NamedTuple):
    """The results below a folder, each once."""

    results: list[Result]
    left_out: list[str]
    """A sentence for each file that is no result, or in which something does not fit together."""
    copies: list[str]
    """A sentence for each file that holds the same as another."""
    paths: Sequence[Path] = ()
    """The file of each result."""


def collect(folder: Path) -> Collected:
    """Every result in `folder` and in the folders in it; a file that is none stops nothing.

    Args:
      folder: of a folder for each protocol, or of result files.
    """
    kept: dict[Hashable, tuple[Path, Result]] = {}
    left_out, copies = [], []
    for path in _paths(folder):
        if is_stream(path):  # reading it might wait for ever
            left_out.append(f"{path} is a pipe or a device, and no file")
            continue
        try:
            result = results.read(path)
        except UserError as error:
            left_out.append(str(error))
            continue
        if found := "; ".join(doubts(result, path.parent.name)):
            left_out.append(f"{path} {found}")
            continue
        first, _ = kept.setdefault(_identity(result), (path, result))
        if first != path:
            copies.append(f"{path} is the same result as {first}, and is ranked once")
    paths = [path for path, _ in kept.values()]
    return Collected([result for _, result in kept.values()], left_out, copies, paths)


def nothing(folder: Path, found: Collected) -> UserError:
    """The error where no file of `folder` can be ranked."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "is not there"
        return UserError(f"`folder` {folder} {what}; name a folder of result files")
    if not found.left_out:
        return UserError(f"`folder` {folder} holds no result files; `metabench run` writes some")
    more = len(found.left_out) - 1
    rest = f", and {more} other {'files are' if more > 1 else 'file is'} left out too"
    return UserError(
        f"`folder` {folder} holds no result that can be ranked: {found.left_out[0]}"
        + (rest if more else "")
    )


def _paths(folder: Path) -> list[Path]:
    paths = sorted(path for depth in ("*.json", "*/*.json") for path in folder.glob(depth))
    return [path for path in paths if not is_litter(path.relative_to(folder))]


def _identity(result: Result) -> Hashable:
    """What is the same in a copy, or in the same run done again: settings, data and counts."""
    return (
        result.learner,
        result.learner_digest,
        json.dumps([result.hyperparameters, result.recipe], sort_keys=True),
        result.protocol,
        result.dataset_digest,
        result.split_digest,
        result.training_digest,
        result.training_split_digest,
        tuple((run.seed, run.correct, run.by_presentation) for run in result.runs),
    )
