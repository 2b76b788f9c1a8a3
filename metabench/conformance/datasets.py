"""The checks of datasets, one for each requirement; they raise `ConformanceError`."""

from __future__ import annotations

import tempfile
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from metabench import data
from metabench.conformance.check import named, require
from metabench.contracts.dataset import DatasetSpec
from metabench.tasks.class_table import PARTS
from metabench.types import Dataset, Split


class Prepared(NamedTuple):
    """The dataset that is checked."""

    spec: DatasetSpec
    dataset: Dataset
    archives: Path | str | None = None


def check_declaration(subject: Prepared) -> None:
    """Name, version, licence and citation are given, and the default split exists."""
    spec = subject.spec
    for field in ("name", "version", "description", "licence", "citation"):
        value = getattr(spec, field)
        require(bool(value), f"`{field}` must say something, but is {value!r}")
    require(
        spec.default_split in spec.splits,
        f"`default_split` is {spec.default_split!r}; it must be one of: {', '.join(spec.splits)}",
    )


def check_images(subject: Prepared) -> None:
    """Images are uint8 with the declared channels, and none has a single colour."""
    images = subject.dataset.images
    require(
        images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] == subject.spec.image[2],
        "images must be uint8 [images, height, width, channels] with "
        f"{subject.spec.image[2]} channels, not {images.dtype} {list(images.shape)}",
    )
    flat = images.reshape(len(images), -1)
    blank = np.flatnonzero(flat.min(1) == flat.max(1))
    require(
        blank.size == 0,
        f"every image must show something, but {blank.size} are of one colour, first {blank[:1]}",
    )


def check_labels(subject: Prepared) -> None:
    """Labels ascend from 0 without gaps; classes have distinct names and at least two examples."""
    dataset = subject.dataset
    names, labels = dataset.class_names, dataset.labels
    require(
        len(set(names)) == len(names),
        f"class names must differ, but only {len(set(names))} of {len(names)} do",
    )
    require(
        labels.shape == dataset.images.shape[:1] and bool((np.diff(labels) >= 0).all()),
        f"labels must be ascending, one for each of {len(dataset.images)} images",
    )
    counts = np.bincount(labels, minlength=len(names))
    require(
        len(counts) == len(names) and counts.min() >= 2,
        f"each of {len(names)} classes needs 2 examples or more; the fewest are {counts.min()}",
    )


def check_splits(subject: Prepared) -> None:
    """Every split has three disjoint parts of known classes, and is the same when read twice.

    A dataset only for the test has empty parts for training and validation.
    """
    for name, read in subject.spec.splits.items():
        split = read()
        require(split == read(), f"split `{name}` must be the same at every reading, and is not")
        require(split.name == name, f"split `{name}` calls itself {split.name!r}")
        check_split(split, frozenset(subject.dataset.class_names))


def check_split(split: Split, known: frozenset[str]) -> None:
    """One split."""
    parts = {part: set(classes) for part, classes in split.parts.items()}
    require(
        set(parts) == set(PARTS)
        and bool(parts["test"])
        and bool(parts["train"]) == bool(parts["val"]),
        f"split `{split.name}` must have classes in {', '.join(PARTS)} or in test alone, and has "
        f"{ {part: len(classes) for part, classes in parts.items()} }",
    )
    require(split.rotations in (1, 4), f"`rotations` is {split.rotations}; it must be 1 or 4")
    for first, second in combinations(parts, 2):
        shared = sorted(parts[first] & parts[second])
        require(
            not shared,
            f"split `{split.name}` must have disjoint parts, but {first} and {second} share "
            f"{len(shared)} classes, first {shared[:1]}",
        )
    for part, classes in parts.items():
        strange = sorted(classes - known)
        require(
            not strange and len(split.parts[part]) == len(classes),
            f"part {part} of split `{split.name}` must list classes of the dataset once each, but "
            f"{len(strange)} are unknown, first {strange[:1]}",
        )


def check_reproducible(subject: Prepared) -> None:
    """Pixels, labels and names have the recorded digest, or else that of a second preparation."""
    size = subject.dataset.images.shape[1]
    if subject.spec.digests.get(size) == subject.dataset.digest:
        return
    with tempfile.TemporaryDirectory() as cache:
        again = data.load_or_prepare(subject.spec, size, subject.archives, cache, progress=False)
        digest = again.digest
    require(
        digest == subject.dataset.digest,
        f"preparing twice must give the same pixels, labels and names, but the digests are "
        f"{subject.dataset.digest[:12]} and {digest[:12]}",
    )


DATASET_CHECKS = named(
    check_declaration, check_images, check_labels, check_splits, check_reproducible
)
