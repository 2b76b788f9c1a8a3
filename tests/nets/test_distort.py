"""Distortions stay within the published bounds and are drawn for each image."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.distort import distorted, inverse

COUNT = 2_000


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


def test_places_move_as_an_affine_map_within_the_published_bounds():
    key = jax.random.key(0)
    middle, below, beside = (centre(distorted(key, x)) for x in spots((0, 0), (8, 0), (0, 8)))
    shift = 41 * 2 / 105
    assert np.abs(middle).max() < shift + 0.05
    assert np.abs(middle).max() > shift - 0.1
    matrix = np.stack([below - middle, beside - middle], 2) / 8  # what a drawing undergoes
    turn, stretch = np.cos(np.pi / 18), 1.2
    assert np.abs(matrix[:, 0, 1]).max() < stretch * (0.3 * turn + np.sin(np.pi / 18)) + 0.02
    assert np.abs(matrix[:, 0, 1]).max() > 0.3
    for size in (matrix[:, 0, 0], matrix[:, 1, 1]):
        assert 0.8 * turn - 0.3 * stretch * 0.18 - 0.02 < size.min() < 0.83
        assert 1.17 < size.max() < stretch * (1 + 0.3 * 0.18) + 0.02


def test_half_of_the_draws_leave_a_component_out():
    key = jax.random.key(1)
    (middle,) = (centre(distorted(key, x)) for x in spots((0, 0)))
    assert 0.45 < (np.abs(middle[:, 0]) < 0.02).mean() < 0.55
    assert 0.45 < (np.abs(middle[:, 1]) < 0.02).mean() < 0.55


def test_inverse():
    matrices = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2, 2)), jnp.float32)
    np.testing.assert_allclose(
        matrices @ inverse(matrices), np.broadcast_to(np.eye(2), (5, 2, 2)), atol=1e-4
    )
