"""Maps of images against cases that can be seen."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.affine import resampled, turns

IMAGES = jax.random.uniform(jax.random.key(0), (2, 6, 6, 1))
NOTHING = jnp.zeros(2)


def moved(images, angles, down, right):
    return resampled(images, turns(angles), down, right)


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


def test_a_matrix_maps_places_of_the_new_image_to_places_of_the_old():
    shear = jnp.broadcast_to(jnp.float32([[1, 0], [1, 1]]), (2, 2, 2))
    found = resampled(jnp.ones((2, 5, 5, 1)), shear, NOTHING, NOTHING)[0, ..., 0]
    # The row above the middle sees columns one to the left, the one below one to the right.
    np.testing.assert_allclose(found.sum(1), [3, 4, 5, 4, 3], atol=1e-5)
    np.testing.assert_allclose(found[1], [0, 1, 1, 1, 1], atol=1e-5)
    np.testing.assert_allclose(found[3], [1, 1, 1, 1, 0], atol=1e-5)


def test_a_matrix_of_one_half_makes_images_twice_as_large():
    half = jnp.broadcast_to(jnp.eye(2) / 2, (2, 2, 2))
    found = resampled(IMAGES[:, :5, :5], half, NOTHING, NOTHING)
    np.testing.assert_allclose(found[:, ::2, ::2], IMAGES[:, 1:4, 1:4], atol=1e-5)
