"""Turns and shifts against cases that can be seen."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.jitter import jitter


def test_each_image_moves_by_itself_and_within_bounds():
    dot = jnp.zeros((500, 21, 21, 1)).at[:, 10, 10].set(1.0)
    found = jitter(jax.random.key(1), dot)[..., 0]
    place = (jnp.arange(21.0)[None, :, None] * found).sum((1, 2)) / found.sum((1, 2))
    shift = np.asarray(place - 10)
    assert np.abs(shift).max() < 2.05  # 21 · 10/105, and what turning does to a dot
    assert np.abs(shift).max() > 1.9
    assert abs(shift.mean()) < 0.3
