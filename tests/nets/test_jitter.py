"""Turns and shifts against cases that can be seen."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.jitter import jitter, moved

IMAGES = jax.random.uniform(jax.random.key(0), (2, 6, 6, 1))
NOTHING = jnp.zeros(2)


def test_nothing_moves_by_nothing():
    np.testing.assert_allclose(moved(IMAGES, NOTHING, NOTHING, NOTHING), IMAGES, atol=1e-6)


def test_whole_pixels():
    found = moved(IMAGES, NOTHING, jnp.float32([1, 0]), jnp.float32([0, -2]))
    np.testing.assert_allclose(found[0, 1:], IMAGES[0, :-1], atol=1e-5)
    np.testing.assert_array_equal(found[0, 0], np.zeros((6, 1)))
    np.testing.assert_allclose(found[1, :, :-2], IMAGES[1, :, 2:], atol=1e-5)
    np.testing.assert_allclose(found[1, :, -2:], np.zeros((6, 2, 1)), atol=1e-5)


def test_half_a_pixel_is_the_mean_of_two():
    found = moved(IMAGES, NOTHING, NOTHING, jnp.float32([0.5, 0.5]))
    between = (IMAGES[:, :, 1:] + IMAGES[:, :, :-1]) / 2
    np.testing.assert_allclose(found[:, :, 1:], between, atol=1e-5)


def test_a_quarter_turn():
    found = moved(IMAGES, jnp.full(2, jnp.pi / 2), NOTHING, NOTHING)
    np.testing.assert_allclose(found, jnp.rot90(IMAGES, 1, axes=(1, 2)), atol=1e-4)


def test_each_image_moves_by_itself_and_within_bounds():
    dot = jnp.zeros((500, 21, 21, 1)).at[:, 10, 10].set(1.0)
    found = jitter(jax.random.key(1), dot)[..., 0]
    place = (jnp.arange(21.0)[None, :, None] * found).sum((1, 2)) / found.sum((1, 2))
    shift = np.asarray(place - 10)
    assert np.abs(shift).max() < 2.05  # 21 · 10/105, and what turning does to a dot
    assert np.abs(shift).max() > 1.9
    assert abs(shift.mean()) < 0.3
