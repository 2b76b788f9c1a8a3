"""Reads the zip archive of Lake's one-shot runs, trusting nothing in it.

Layout: `runNN/training/classNN.png`, `runNN/test/itemNN.png`, and in
`runNN/class_labels.txt` one line for each item, with the two paths of the same class.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from metabench.data.readers import zip_archive
from metabench.data.readers.damage import AGAIN
from metabench.datasets.omniglot.archive import LARGEST, checked
from metabench.errors import UserError


def drawings(path: Path, runs: int, classes: int) -> Iterator[tuple[str, bytes]]:
    """Yield the training and the test drawing of each class, run by run, as PNG.

    Raises:
        UserError: the file is not that archive, or is damaged.
    """
    with zip_archive.opened(path) as archive:
        entries = _entries(archive, path, runs, classes)
        for run in range(1, runs + 1):
            labels = zip_archive.content(archive, entries[_labels(run)]).decode("ascii")
            items = _pairs(labels, path, run, classes)
            for training in _names(run, "training/class", classes):
                name = training.replace("/training/", "/").removesuffix(".png")
                for inner in (training, items[training]):
                    yield name, checked(zip_archive.content(archive, entries[inner]))


def _entries(
    archive: zipfile.ZipFile, path: Path, runs: int, classes: int
) -> dict[str, zipfile.ZipInfo]:
    """Map names to entries, and check that no entry of the layout is missing or unknown."""
    wanted = {_labels(run) for run in range(1, runs + 1)}
    for run in range(1, runs + 1):
        for kind in ("training/class", "test/item"):
            wanted.update(_names(run, kind, classes))
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in zip_archive.files(archive):
        name = entry.filename
        if name not in wanted or entry.file_size > LARGEST:
            raise _wrong(path, f"it holds `{name[:80]}` of {entry.file_size} bytes")
        if name in entries:
            raise _wrong(path, f"it holds `{name}` twice")
        entries[name] = entry
    if missing := sorted(wanted - entries.keys()):
        raise _wrong(path, f"it lacks `{missing[0]}`")
    return entries


def _pairs(labels: str, path: Path, run: int, classes: int) -> dict[str, str]:
    """Map each training drawing of a run to the test drawing of the same class."""
    lines = [line.split() for line in labels.splitlines() if line.strip()]
    pairs = {line[-1]: line[0] for line in lines if len(line) == 2}
    items = _names(run, "test/item", classes)
    trainings = _names(run, "training/class", classes)
    if len(lines) != classes or sorted(pairs) != trainings or sorted(pairs.values()) != items:
        raise _wrong(path, f"`{_labels(run)}` does not pair its drawings one to one")
    return pairs


def _labels(run: int) -> str:
    return f"run{run:02d}/class_labels.txt"


def _names(run: int, kind: str, classes: int) -> list[str]:
    return [f"run{run:02d}/{kind}{number:02d}.png" for number in range(1, classes + 1)]


def _wrong(path: Path, finding: str) -> UserError:
    return UserError(f"`{path}` is not Lake's all_runs.zip: {finding}; {AGAIN}")
