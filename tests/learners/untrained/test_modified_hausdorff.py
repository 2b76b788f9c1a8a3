"""The modified Hausdorff distance, by hand and against scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from metabench.errors import UserError
from metabench.learners.untrained import modified_hausdorff as module
from metabench.learners.untrained.modified_hausdorff import modified_hausdorff
from metabench.types import EpisodeShape

distance = jax.jit(module.distance)
ink_points = jax.jit(module.ink_points, static_argnums=1)


def image_of(points, size=12):
    image = np.zeros((size, size, 1), np.uint8)
    for row, column in points:
        image[row, column] = 255
    return jnp.asarray(image)


def reference(a, b):
    """With whole sets of points, as the demo that ships with the data computes it."""
    a, b = (np.argwhere(np.asarray(image)[:, :, 0] >= 128).astype(float) for image in (a, b))
    between = cdist(a - a.mean(0), b - b.mean(0))
    return max(between.min(1).mean(), between.min(0).mean())


def test_points_are_the_ink_less_its_mean():
    found = ink_points(image_of([(0, 1), (4, 3)]), 5)
    np.testing.assert_allclose(found.at[:2], [[-2, -1], [2, 1]])
    assert found.real.tolist() == [True, True, False, False, False]


def test_grey_counts_as_ink_from_the_middle_up():
    image = jnp.array([[127, 128]], jnp.uint8)[:, :, None]
    assert ink_points(image, 2).real.tolist() == [True, False]


def test_too_many_points_are_thinned_evenly():
    found = ink_points(image_of([(0, column) for column in range(10)]), 5)
    np.testing.assert_allclose(found.at[:, 1], [-4, -2, 0, 2, 4])
    assert found.real.all()


def test_by_hand():
    # {-1, 1} against {-3, 0, 3} on a line: nearest are 1 and 1, and 2, 1 and 2.
    one, other = image_of([(0, 2), (0, 4)]), image_of([(0, 1), (0, 4), (0, 7)])
    points = [ink_points(image, 8) for image in (one, other)]
    np.testing.assert_allclose(distance(*points), 5 / 3, rtol=1e-6)
    np.testing.assert_allclose(distance(*points[::-1]), 5 / 3, rtol=1e-6)


def test_against_scipy_on_random_drawings():
    random = np.random.default_rng(0)
    for _ in range(20):
        a, b = (jnp.asarray(255 * (random.random((12, 12, 1)) < 0.2), jnp.uint8) for _ in "ab")
        found = distance(ink_points(a, 144), ink_points(b, 144))
        np.testing.assert_allclose(found, reference(a, b), rtol=1e-5)


def test_a_blank_drawing_is_infinitely_far():
    assert distance(ink_points(image_of([]), 4), ink_points(image_of([(1, 1)]), 4)) == np.inf


def test_the_nearest_support_of_a_label_counts():
    shape = EpisodeShape(way=2, shot=2, query=1, image=(12, 12, 1))
    line = image_of([(3, column) for column in range(2, 9)])
    column = image_of([(row, 5) for row in range(2, 9)])
    learner = modified_hausdorff(shape)
    task = jax.jit(learner.adapt)(
        (), jnp.stack([line, column, column, column]), jnp.array([1, 0, 1, 0]), None
    )
    logits = jax.jit(learner.predict)(task, jnp.stack([line, column]))
    assert logits.shape == (2, 2)
    assert logits[0, 1] == 0 > logits[0, 0]
    assert logits[1].tolist() == [0, 0]


def test_wrong_points():
    with pytest.raises(UserError, match=r"`points` is 0; it must be at least 1"):
        modified_hausdorff(EpisodeShape(2, 1, 1), points=0)
    assert jax.tree.leaves(modified_hausdorff(EpisodeShape(2, 1, 1)).init(None)) == []
