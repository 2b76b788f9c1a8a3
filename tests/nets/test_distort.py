"""Distortions are affine maps within the ranges told, and are drawn for each image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.distort import ANGLE, PROPORTION, SHIFT, SIZE, SLANT, distorted

pytestmark = pytest.mark.slow

COUNT = 2_000
distort = jax.jit(distorted, static_argnames="strength")


def spots(*places):
    """Images [COUNT, 41, 41, 1] with one blurred spot, for each place from the middle."""
    row, column = jnp.mgrid[-20:21, -20:21]
    for down, right in places:
        spot = jnp.exp(-((row - down) ** 2 + (column - right) ** 2) / 8.0)
        yield jnp.broadcast_to(spot[:, :, None], (COUNT, 41, 41, 1))


def centre(images):
    """Where the ink of each image is, from the middle: [n, 2]."""
    ink = np.asarray(images[..., 0])
    axis = np.arange(41) - 20.0
    total = ink.sum((1, 2))
    return np.stack([(ink.sum(2) @ axis) / total, (ink.sum(1) @ axis) / total], 1)


def within(values, most):
    """Whether uniform draws from ± `most` could have come out as `values`, rounding aside."""
    assert 0.95 * most < np.abs(values).max() < most + 0.04
    assert abs(values.mean()) < 0.05 * most
    assert abs(values.std() - most / np.sqrt(3)) < 0.05 * most


@pytest.mark.parametrize("strength", [0.7, 1.0])
def test_drawings_are_scaled_slanted_turned_and_moved_within_the_ranges(strength):
    key = jax.random.key(0)
    middle, below, beside = (
        centre(distort(key, x, strength)) for x in spots((0, 0), (8, 0), (0, 8))
    )
    for axis in range(2):
        within(middle[:, axis], strength * 41 * SHIFT)
    (a, b), (c, d) = np.moveaxis(np.stack([below - middle, beside - middle], 2) / 8, 0, 2)
    # [[a, b], [c, d]] is a turn times [[high, 0], [slant * high, wide]].
    turn, wide = np.arctan2(b, d), np.hypot(b, d)
    high = (a * d - b * c) / wide
    within(turn, strength * ANGLE)
    within((c * np.cos(turn) + a * np.sin(turn)) / high, strength * SLANT)
    size, proportion = np.log(high * wide) / 2, np.log(high / wide) / 2
    within(size, strength * SIZE)
    within(proportion, strength * PROPORTION)


def test_no_strength_leaves_drawings_as_they_are():
    (x,) = spots((5, 3))
    np.testing.assert_allclose(distort(jax.random.key(0), x[:9], 0.0), x[:9], atol=1e-5)
