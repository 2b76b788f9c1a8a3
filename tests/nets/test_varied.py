"""Affine changes of training images: within Koch's ranges, each part by its own chance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.affine import resampled
from metabench.nets.varied import SHEAR, SHIFT, SIZE, varied

pytestmark = pytest.mark.slow

COUNT = 500


def maps_of(monkeypatch, chance):
    """The matrices and shifts that are drawn."""
    met = {}

    def seen(images, matrices, down, right):
        met.update(matrices=np.asarray(matrices), down=np.asarray(down), right=np.asarray(right))
        return resampled(images, matrices, down, right)

    monkeypatch.setattr("metabench.nets.varied.resampled", seen)
    varied(jax.random.key(0), jnp.zeros((COUNT, 20, 20, 1)), chance)
    return met


def test_parts_are_made_by_their_own_chance(monkeypatch):
    unmade = maps_of(monkeypatch, 0.0)
    np.testing.assert_allclose(unmade["matrices"], np.broadcast_to(np.eye(2), (COUNT, 2, 2)))
    for chance in (0.5, 1.0):
        found = maps_of(monkeypatch, chance)
        for shift in (found["down"], found["right"]):
            assert abs((shift != 0).mean() - chance) < 0.08
            assert 0.9 * SHIFT * 20 < np.abs(shift).max() <= SHIFT * 20
    together = (found["down"] * found["right"]).mean() / (SHIFT * 20) ** 2
    assert abs(together) < 0.06  # drawn apart


def test_the_largest_changes_are_those_of_the_paper(monkeypatch):
    found = maps_of(monkeypatch, 1.0)["matrices"]
    # Determinants: scales from 0.8 to 1.2 each, shears of up to 0.3 each; rotations have none.
    largest = (1 + SHEAR**2) / (1 - SIZE) ** 2
    least = (1 - SHEAR**2) / (1 + SIZE) ** 2
    determinant = np.linalg.det(found)
    assert least <= determinant.min() < 1.2 * least
    assert 0.8 * largest < determinant.max() <= largest
    assert 0.25 < np.abs(found[:, 0, 1]).max() < 0.75


def test_images_differ_and_keep_their_form():
    images = jnp.zeros((4, 16, 16, 1)).at[:, 4:12, 7:9].set(200.0)
    found = varied(jax.random.key(1), images, 1.0)
    assert found.shape == images.shape
    assert all(np.abs(found[i] - found[j]).max() > 10 for i in range(4) for j in range(i))
