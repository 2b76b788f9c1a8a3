"""Turns and shifts against cases that can be seen, and how sharp moved drawings are."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import data
from metabench.nets.jitter import detailed, jitter, unmoved
from metabench.tasks.class_table import class_table, find_split

pytestmark = pytest.mark.slow


def test_each_image_moves_by_itself_and_within_bounds():
    dot = jnp.zeros((500, 21, 21, 1)).at[:, 10, 10].set(1.0)
    found = jitter(jax.random.key(1), dot, (21, 21, 1))[..., 0]
    place = (jnp.arange(21.0)[None, :, None] * found).sum((1, 2)) / found.sum((1, 2))
    shift = np.asarray(place - 10)
    assert np.abs(shift).max() < 2.05  # 21 · 10/105, and what turning does to a dot
    assert np.abs(shift).max() > 1.9
    assert abs(shift.mean()) < 0.3


def test_detailed_images_move_as_others_do():
    """A blot in the middle of which it does not matter how detailed the image is."""
    place = (np.arange(63) - 31) / 3
    blot = np.exp(-(place[:, None] ** 2 + (place[None] - 3) ** 2) / 12)
    fine = jnp.asarray(255 * blot, jnp.float32).round().astype(jnp.uint8)
    fine = jnp.broadcast_to(fine[None, :, :, None], (50, 63, 63, 1))
    image = (21, 21, 1)
    coarse = unmoved(fine, image)
    np.testing.assert_array_equal(coarse[0, :, :, 0], fine[0, 1::3, 1::3, 0])
    moved = [jitter(jax.random.key(1), images, image) for images in (fine, coarse)]
    assert moved[0].shape == (50, *image)
    np.testing.assert_allclose(*moved, atol=255 * 0.035)


def test_large_images_are_not_made_larger():
    assert detailed((20, 20, 1)) == (60, 60, 1)
    assert detailed((28, 28, 3)) == (84, 84, 3)
    assert detailed((84, 84, 3)) == (84, 84, 3)


def sharpness(images):
    """Mean square difference of neighbours, and mean of the brightest values; pixels in 0 … 1."""
    pixels = np.asarray(images, np.float64) / 255
    energy = sum(np.square(np.diff(pixels, axis=axis)).mean() for axis in (1, 2))
    return energy, pixels.max((1, 2, 3)).mean()


def assert_moved_drawings_stay_sharp(dataset):
    split = find_split(dataset, None)
    still = class_table(dataset, split, "val").images[:1000]
    fine = class_table(dataset, split, "val", 3).images[:1000]
    energy, brightest = sharpness(still)
    found, bright = sharpness(jitter(jax.random.key(1), fine, still.shape[1:]))
    assert 0.85 < found / energy < 1.05
    assert bright > 0.97 * brightest
    # Those of the old way lose half, so the measure sees what it should.
    blurred, _ = sharpness(jitter(jax.random.key(1), still, still.shape[1:]))
    assert blurred / energy < 0.65


@pytest.mark.parametrize("size", [20, 28])
def test_moved_drawings_stay_sharp(size):
    assert_moved_drawings_stay_sharp(data.load_or_prepare("strokes", size, progress=False))


@pytest.mark.slow
@pytest.mark.realdata
def test_moved_drawings_of_the_real_archives_stay_sharp():
    archives = os.environ["METABENCH_ARCHIVES"]
    dataset = data.load_or_prepare("omniglot", 20, archives=archives, progress=False)
    assert_moved_drawings_stay_sharp(dataset)
