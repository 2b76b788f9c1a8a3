"""A dataset without the classes that have too few images, where `min-images` asks for that."""

from __future__ import annotations

import numpy as np

from metabench.data.splits import digest_of
from metabench.errors import UserError
from metabench.types import Dataset, Split


def without_small(dataset: Dataset, fewest: int | None) -> Dataset:
    """`dataset` whose splits lack the classes of fewer than `fewest` images.

    The digest of a split is that of the classes left, so that results on other classes never meet.
    With None, or where no class is so small, a split stays as it is.

    Raises:
        UserError: `fewest` is below 1, or no class of a part is large enough.
    """
    if fewest is None:
        return dataset
    if fewest < 1:
        raise UserError(f"`min-images` is {fewest}; it must be at least 1")
    small = frozenset(small_classes(dataset, fewest))
    splits = {name: _left(split, small) for name, split in dataset.splits.items()}
    for name, split in dataset.splits.items():
        for part, classes in split.parts.items():
            if classes and not splits[name].parts[part]:
                raise UserError(
                    f"`min-images` is {fewest}, but no class of the {part} part of "
                    f"{dataset.name}/{name} has as many images; take a smaller number"
                )
    return dataset._replace(splits=splits)


def small_classes(dataset: Dataset, fewest: int) -> list[str]:
    """Names of the classes with fewer than `fewest` images, in the order of the class table."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.class_names))
    return [name for name, count in zip(dataset.class_names, counts, strict=True) if count < fewest]


def passed_over(dataset: Dataset, split: Split, fewest: int) -> str:
    """A line on the classes of `split` that are too small; empty where there are none."""
    classes = [name for part in split.parts.values() for name in part]
    small = sorted(set(small_classes(dataset, fewest)) & set(classes))
    if not small:
        return ""
    named = ", ".join(small[:5]) + (", …" if len(small) > 5 else "")
    return (
        f"{dataset.name}/{split.name}: {len(small)} of {len(classes)} classes are passed over, as "
        f"they have fewer than {fewest} images: {named}"
    )


def _left(split: Split, small: frozenset[str]) -> Split:
    parts = {
        part: tuple(name for name in names if name not in small)
        for part, names in split.parts.items()
    }
    if parts == split.parts:
        return split
    return split._replace(parts=parts, digest=digest_of(split.name, split.rotations, parts))
