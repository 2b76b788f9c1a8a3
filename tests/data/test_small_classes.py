"""Classes of too few images are passed over, and the split's digest says so."""

from __future__ import annotations

import numpy as np
import pytest

from metabench.data.small_classes import passed_over, small_classes, without_small
from metabench.errors import UserError
from metabench.types import Dataset, Split

COUNTS = (2, 4, 3, 5)
PARTS = {"train": ("d", "b", "a"), "val": (), "test": ("c", "d")}
SPLIT = Split("plain", PARTS, 1, "5" * 64)
DATASET = Dataset(
    name="made-up",
    images=np.zeros((14, 3, 3, 1), np.uint8),
    labels=np.repeat(np.arange(4, dtype=np.int32), COUNTS),
    class_names=tuple("abcd"),
    splits={"plain": SPLIT},
    default_split="plain",
    digest="",
    source="",
)


def test_small_classes_leave_every_part_and_change_the_digest():
    found = without_small(DATASET, 3).splits["plain"]
    assert found.parts == {"train": ("d", "b"), "val": (), "test": ("c", "d")}
    fewer = without_small(DATASET, 4).splits["plain"]
    assert fewer.parts == {"train": ("d", "b"), "val": (), "test": ("d",)}
    assert len({SPLIT.digest, found.digest, fewer.digest}) == 3
    assert without_small(without_small(DATASET, 4), 4).splits["plain"] == fewer


def test_a_split_without_small_classes_stays_as_it_is():
    for fewest in (None, 1, 2):
        assert without_small(DATASET, fewest).splits == {"plain": SPLIT}


def test_a_line_says_how_many():
    assert small_classes(DATASET, 4) == ["a", "c"]
    line = "made-up/plain: 2 of 5 classes are passed over, as they have fewer than 4 images: a, c"
    assert passed_over(DATASET, SPLIT, 4) == line
    assert passed_over(DATASET, SPLIT, 2) == ""


@pytest.mark.parametrize(
    ("fewest", "sentence"),
    [
        (0, "`min-images` is 0; it must be at least 1"),
        (6, "`min-images` is 6, but no class of the train part of made-up/plain has as many"),
    ],
)
def test_impossible_numbers_are_refused(fewest, sentence):
    with pytest.raises(UserError, match=sentence):
        without_small(DATASET, fewest)
