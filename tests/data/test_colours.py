"""Colours as grey, and grey as colours."""

from __future__ import annotations

import numpy as np
from PIL import Image

from metabench.data.colours import grey, in_grey, in_rgb, repeated
from metabench.types import Dataset

COLOURS = np.random.default_rng(0).integers(0, 256, (1030, 3, 4, 3)).astype(np.uint8)


def test_grey_is_that_of_pillow():
    found = grey(COLOURS)
    assert (found.dtype, found.shape) == (np.uint8, (1030, 3, 4, 1))
    for row in (0, 1, 1029):
        expected = np.asarray(Image.fromarray(COLOURS[row]).convert("L"))
        np.testing.assert_array_equal(found[row, ..., 0], expected)


def test_repeated_grey_is_grey_in_three_channels_without_a_copy():
    plain = grey(COLOURS)
    found = repeated(plain)
    assert found.shape == COLOURS.shape
    assert np.shares_memory(found, plain)
    np.testing.assert_array_equal(grey(found), plain)


def test_a_dataset_is_changed_once_and_at_every_size():
    labels = np.zeros(1030, np.int32)
    dataset = Dataset("x", COLOURS, labels, ("a",), {}, "", "d", "", at=lambda size: dataset)
    turned = in_grey(dataset)
    assert (turned.images.shape[3], turned.digest) == (1, "d")
    assert turned.at(7).images.shape == turned.images.shape
    assert in_grey(turned) is turned
    again = in_rgb(turned)
    assert again.images.shape == COLOURS.shape
    assert in_rgb(again) is again
    assert in_rgb(turned).at(7).images.shape == COLOURS.shape
