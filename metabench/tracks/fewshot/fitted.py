"""Prepared data as a protocol asks for it: without classes that are too small."""

from __future__ import annotations

import re

from metabench.data.small_classes import without_small
from metabench.errors import UserError
from metabench.types import Dataset, Protocol, Split


def fitted(protocol: Protocol, dataset: Dataset, training_data: Dataset) -> tuple[Dataset, Dataset]:
    """What is tested on and what is meta-trained on; what is fitted already stays as it is.

    Raises:
      UserError: no class is left.
    """
    return (
        without_small(dataset, protocol.min_images),
        without_small(training_data, protocol.min_images),
    )


def check_apart(training: Dataset, source: Split, tested: Dataset, split: Split) -> None:
    """`UserError` if a class of the test would be met in the training on the same data."""
    met = {name for part in ("train", "val") for name in source.parts.get(part, ())}
    both = sorted(met & set(split.parts["test"]))
    if both and training.digest == tested.digest:
        raise UserError(
            f"`test-dataset` {tested.name} is what is trained on, and {len(both)} of its test "
            f"classes are met in training (`{both[0]}`); leave `test-dataset` out, or name a "
            "`test-split` without them"
        )


def check_same_classes(protocol: Protocol, tested_training: str | None) -> None:
    """`UserError` if an earlier training, by its protocol's id, passed over other classes."""
    if tested_training is None:
        return
    found = re.search(r"-min(\d+)images-", tested_training)
    theirs = int(found[1]) if found else None
    if theirs != protocol.min_images:
        wanted = "leave `min-images` out" if theirs is None else f"give `min-images` {theirs}"
        raise UserError(
            f"`trained-for` {tested_training} passed over other classes than this run; {wanted}"
        )
