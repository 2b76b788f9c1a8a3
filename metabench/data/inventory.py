"""What the cache holds, and whether it is still as it was written.

It looks at the files on disk, so that it also finds users' own folders, other versions and
datasets of packages that are no longer installed. It prepares nothing and removes nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from metabench import registry
from metabench.contracts.dataset import DatasetSpec
from metabench.data import arrays
from metabench.data import prepared as data_
from metabench.errors import UserError
from metabench.files import cache as cache_


class Entry(NamedTuple):
    """One dataset at one size, intact or damaged."""

    name: str
    version: str
    size: int  # height and width in pixels
    folder: Path

    @property
    def bytes(self) -> int:
        """Its size on disk."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())


def entries(cache: Path | str | None = None) -> list[Entry]:
    """Everything that was prepared, sorted by name, version and size."""
    found = []
    for folder in cache_.root(cache).glob("*/*/size*"):
        size = re.fullmatch(r"size(\d+)", folder.name)
        if size and folder.is_dir():
            version = folder.parent
            found.append(Entry(version.parent.name, version.name, int(size[1]), folder))
    return sorted(found)


def of_spec(spec: DatasetSpec, cache: Path | str | None = None) -> list[Entry]:
    """The prepared sizes of a dataset, only of its present version."""
    return [one for one in entries(cache) if (one.name, one.version) == (spec.name, spec.version)]


def damage(entry: Entry, dataset: str | None = None) -> str:
    """One sentence on the damage and its remedy; empty if every byte is as it was written.

    `dataset` is the name that the user gave, since the cache does not record a folder's path.
    """
    found = arrays.damage(entry.folder)
    if not found:
        return ""
    known = entry.name in registry.names("datasets")
    name = dataset or (entry.name if known else "NAME")
    return (
        f"{entry.name} at `size` {entry.size} is damaged: {' and '.join(found)} in "
        f"{entry.folder}; run `metabench data prepare {name} --size {entry.size} --force`"
    )


def select(dataset: str | None, size: int | None, cache: Path | str | None = None) -> list[Entry]:
    """The entries that `verify` should read: all, or those of one dataset or one size.

    Raises:
        UserError: an unknown dataset, or nothing of it is prepared.
    """
    found = entries(cache) if dataset is None else of_spec(data_.find(dataset), cache)
    found = [one for one in found if size in (None, one.size)]
    if not found and (dataset is not None or size is not None):
        at = "" if size is None else f" at `size` {size}"
        command = f"metabench data prepare {dataset or 'NAME'}"
        raise UserError(
            f"`dataset` {dataset or 'of any name'}{at} is not prepared in "
            f"{cache_.root(cache)}; run `{command}{f' --size {size}' if size else ''}`"
        )
    return found


def standing(spec: DatasetSpec | None, size: int, digest: str) -> str:
    """Whether a digest is the published one, in words."""
    golden = spec.digests.get(size) if spec is not None else None
    if golden is None:
        return "none is published for this size"
    return "the published one" if digest == golden else f"not the published one, {golden[:12]}"
