"""Points lie where the ink is; greedy summaries, after a short training, beat random ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.tracks.statistician.spatial_mnist import draw_points, measure, train


def bars(number=40):
    """Images with one bar each, at a row or column of its own: uint8 [number, 28, 28]."""
    images = np.zeros((number, 28, 28), np.uint8)
    for i in range(number):
        place = 2 + 24 * (i // 2) // (number // 2)
        if i % 2:
            images[i, place, 4:24] = 255
        else:
            images[i, 4:24, place] = 255
    return images


def test_points_lie_where_the_ink_is():
    images = jnp.zeros((2, 28, 28), jnp.uint8).at[0, 0, 27].set(255)
    images = images.at[1, 14, 0].set(200).at[1, 14, 1].set(50)
    points = np.asarray(draw_points(jax.random.key(0), images, 4000))
    assert points.shape == (2, 4000, 2)
    right, up = points[0].T  # the first row is the top, the last column the right
    assert ((right > 1 - 2 / 28) & (right <= 1)).all()
    assert ((up > 1 - 2 / 28) & (up <= 1)).all()
    share = (points[1, :, 0] < -1 + 2 / 28).mean()
    assert abs(share - 0.8) < 0.03
    assert np.ptp(points[0, :, 0]) > 1.9 / 28


@pytest.mark.slow
def test_greedy_summaries_beat_random_ones():
    images = bars()
    found = measure(train(images, 100, 0), images, 0, sets=10)
    greedy = found.figures["divergence_of_greedy"]
    assert len(greedy) == 6
    assert greedy[-1] < found.figures["divergence_of_random"]
    assert all(len(set(row)) == 6 for row in found.chosen.tolist())
    assert found.samples.shape == found.samples_of_summary.shape == (10, 50, 2)
