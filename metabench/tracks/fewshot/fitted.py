"""Prepared data as a protocol asks for it: without classes that are too small, in one colour."""

from __future__ import annotations

import re

from metabench.data.colours import in_grey, in_rgb
from metabench.data.small_classes import without_small
from metabench.errors import UserError
from metabench.types import Dataset, Protocol, Split


def fitted(protocol: Protocol, dataset: Dataset, training_data: Dataset) -> tuple[Dataset, Dataset]:
    """What is tested on and what is meta-trained on; what is fitted already stays as it is.

    Grey images of the test are repeated to three channels for a training in RGB. Colours become
    grey, in the training too, only where the protocol says so.

    Raises:
      UserError: no class is left.
    """
    dataset = without_small(dataset, protocol.min_images)
    training_data = without_small(training_data, protocol.min_images)
    if protocol.grey:
        return in_grey(dataset), in_grey(training_data)
    if (_channels(training_data), _channels(dataset)) == (3, 1):
        return in_rgb(dataset), training_data
    return dataset, training_data


def check_colours(asked: bool, dataset: Dataset, training_data: Dataset) -> None:
    """`UserError` where `grey` is asked for and all images are grey already."""
    if asked and {_channels(dataset), _channels(training_data)} == {1}:
        raise UserError(f"`grey` changes nothing: {dataset.name} has grey images; leave it out")


def check_alike(dataset: Dataset, training_data: Dataset) -> None:
    """`UserError` where the images of the training have another shape than the test's."""
    met, tested = training_data.images.shape[1:], dataset.images.shape[1:]
    if met == tested:
        return
    if (met[2], tested[2]) == (1, 3):
        raise UserError(
            f"dataset `{training_data.name}`, which is trained on, has grey images (1 channel), "
            f"and `{dataset.name}`, which is tested on, has colours (3 channels): turn them grey "
            "with `grey`"
        )
    raise UserError(
        f"dataset `{training_data.name}` has images {met} (height, width, channels), but the "
        f"test's are {tested}: prepare both alike with `image-size`"
    )


def _channels(dataset: Dataset) -> int:
    return int(dataset.images.shape[3])


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
    """`UserError` if an earlier training, by its protocol's id, met other classes than this run's.

    It may have met classes of the test.
    """
    if tested_training is None:
        return
    here = (protocol.trained_on or f"{protocol.dataset}/{protocol.split}").replace("/", "-")
    if here != (there := _trained_on(tested_training)):
        raise UserError(
            f"`trained-for` {tested_training} was trained on {there}, and this run is of a "
            f"training on {here}: test classes may have been met; name a training on {here}"
        )
    found = re.search(r"-min(\d+)images-", tested_training)
    theirs = int(found[1]) if found else None
    if theirs != protocol.min_images:
        wanted = "leave `min-images` out" if theirs is None else f"give `min-images` {theirs}"
        raise UserError(
            f"`trained-for` {tested_training} passed over other classes than this run; {wanted}"
        )


def _trained_on(protocol: str) -> str:
    """`dataset-split` of the training behind a protocol's id; see `Protocol.id`."""
    after = re.search(r"-after-(.+)-v\d+$", protocol)
    return after[1] if after else re.split(r"-\d+way-", protocol)[0]
