"""Random changes of sets: each is one of those meant, and all of them come."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.augment import binarised, dilated, reflected, turned

SETS = jnp.asarray(np.random.default_rng(0).uniform(size=(64, 3, 5, 5, 1)), jnp.float32)


def which(found, candidates):
    """The number of the one candidate that each found set equals."""
    same = [[np.array_equal(a, b) for b in row] for a, row in zip(found, candidates, strict=True)]
    assert np.sum(same, axis=1).tolist() == [1] * len(same)
    return np.argmax(same, axis=1)


def test_sets_are_turned_as_a_whole():
    ways = [[np.rot90(one, k, axes=(1, 2)) for k in range(4)] for one in np.asarray(SETS)]
    counts = np.bincount(which(turned(jax.random.key(0), SETS), ways), minlength=4)
    assert counts.min() > 6


def test_sets_are_reflected_as_a_whole():
    ways = [[one, one[:, :, ::-1]] for one in np.asarray(SETS)]
    counts = np.bincount(which(reflected(jax.random.key(1), SETS), ways), minlength=2)
    assert counts.min() > 20


def test_images_are_dilated_one_by_one():
    dots = jnp.zeros((2, 40, 5, 5, 1)).at[:, :, 2, 2].set(1.0).at[:, :, 0, 0].set(0.5)
    found = np.asarray(dilated(jax.random.key(2), dots, 0.5)).sum((2, 3, 4))
    thick = 5 + 3 * 0.5  # a cross, and what the corner leaves of one
    assert set(found.reshape(-1).tolist()) == {1.5, thick}
    assert 25 < (found == thick).sum() < 55
    np.testing.assert_array_equal(dilated(jax.random.key(2), dots, 0.0), dots)


def test_pixels_are_drawn_with_their_grey_value():
    grey = jnp.full((10_000, 3, 1), jnp.asarray([0.0, 0.3, 1.0])[None, :, None])
    found = np.asarray(binarised(jax.random.key(3), grey))
    assert set(np.unique(found)) == {0.0, 1.0}
    np.testing.assert_allclose(found.mean(0)[:, 0], [0, 0.3, 1], atol=0.02)
