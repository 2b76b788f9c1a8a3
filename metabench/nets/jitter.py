"""Small random rotations and shifts of images, different in each call, inside jit.

Santoro et al. 2016, section 4.1: angles up to π/16, shifts up to 10 pixels of 105. Only for
training.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.nets.affine import resampled, turns

ANGLE = jnp.pi / 16  # radians
SHIFT = 10 / 105  # of the image's side


def jitter(
    key: jax.Array, images: jax.Array, angle: float = ANGLE, shift: float = SHIFT
) -> jax.Array:
    """Rotate and shift each of `images` by its own amounts.

    Args:
      key: of the draws.
      images: float [n, height, width, channels].
      angle: largest rotation in radians, in both directions.
      shift: largest shift along each axis, in both directions, as a share of the side.

    Returns:
      float [n, height, width, channels].
    """
    count, height, width, _ = images.shape
    draws = jax.random.uniform(key, (3, count), minval=-1.0)
    matrices = turns(draws[0] * angle)
    return resampled(images, matrices, draws[1] * shift * height, draws[2] * shift * width)
