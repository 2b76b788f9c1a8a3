"""Prepared data as a protocol asks for it: without classes that are too small."""

from __future__ import annotations

import re

from metabench.data.small_classes import without_small
from metabench.errors import UserError
from metabench.types import Dataset, Protocol


def fitted(protocol: Protocol, dataset: Dataset, training_data: Dataset) -> tuple[Dataset, Dataset]:
    """What is tested on and what is meta-trained on; what is fitted already stays as it is.

    Raises:
      UserError: no class is left.
    """
    return (
        without_small(dataset, protocol.min_images),
        without_small(training_data, protocol.min_images),
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
