"""Random affine changes of drawings after Koch, Zemel & Salakhutdinov 2015, section 3.3.

Rotation, shears, scales and shifts; each of them is made with a probability of its own draw. All
draws are uniform in their ranges, and differ in each call, inside jit. Only for training.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.nets.affine import resampled, turns
from metabench.nets.distort import square

ANGLE = jnp.pi / 18  # radians, 10 degrees
SHEAR = 0.3  # along each axis
SIZE = 0.2  # each scale is 1 ± this
SHIFT = 2 / 105  # of the image's side, along each axis


def varied(key: jax.Array, images: jax.Array, chance: float = 0.5) -> jax.Array:
    """Each of `images`, float [n, height, width, channels], after its own affine map.

    `chance`: the probability of each of seven parts: one angle, two shears, two scales, two shifts.
    """
    count, height, width, _ = images.shape
    draw_key, choose_key = jax.random.split(key)
    made = jax.random.bernoulli(choose_key, chance, (7, count))
    drawn = jnp.where(made, jax.random.uniform(draw_key, (7, count), minval=-1.0), 0.0)
    angle, down_shear, right_shear, high, wide, down, right = drawn
    ones, zeros = jnp.ones(count), jnp.zeros(count)
    scaled = square(1 / (1 + SIZE * high), zeros, zeros, 1 / (1 + SIZE * wide))
    sheared = square(ones, SHEAR * down_shear, SHEAR * right_shear, ones)
    back = scaled @ sheared @ turns(ANGLE * angle)
    return resampled(images, back, SHIFT * height * down, SHIFT * width * right)
