"""Images with more values than pixels: what the filter does, and which shapes are taken."""

import numpy as np
import pytest
from PIL import Image

from metabench.errors import UserError
from metabench.tasks.detail import at_more_places, between_pixels, detail_of, weights


def blots(side):
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (4, side // 6, side // 6), np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side), 3)) for one in coarse])


def test_the_middle_of_each_pixel_is_what_resizing_gives():
    large = blots(60)
    found = at_more_places(large[..., None], 3)
    assert found.shape == (4, 60, 60, 1)
    assert found.dtype == np.uint8
    small = [Image.fromarray(one).resize((20, 20), Image.Resampling.LANCZOS) for one in large]
    np.testing.assert_allclose(found[:, 1::3, 1::3, 0], np.stack(small), atol=2)


def test_what_is_around_it_is_the_moved_drawing():
    """A drawing moved by a third of a pixel, resized, is one value further."""
    large = np.zeros((1, 60, 60), np.uint8)
    large[0, 24:33, 20:31] = 255
    moved = np.roll(large, 1, axis=2)
    found, other = (at_more_places(one[..., None], 3)[0, 1::3, :, 0] for one in (large, moved))
    np.testing.assert_array_equal(found[:, 0:-1:3], other[:, 1::3])


def test_weights_sum_to_one_and_reach_three_pixels():
    found = weights(30, 3)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    assert np.flatnonzero(np.abs(found[15]) > 1e-6).min() == 15 - 8


def test_without_larger_drawings_the_pixels_stay_and_others_lie_between():
    images = blots(12)[..., None]
    found = between_pixels(images, 3)
    np.testing.assert_array_equal(found[:, 1::3, 1::3], images)


def test_shapes_of_training_images():
    assert detail_of((28, 28, 1), (28, 28, 1)) == 1
    assert detail_of((60, 60, 1), (20, 20, 1)) == 3
    for wrong in ((50, 50, 1), (60, 40, 1), (60, 60, 3), (10, 10, 1)):
        with pytest.raises(UserError, match="no whole multiple of the test's"):
            detail_of(wrong, (20, 20, 1))
