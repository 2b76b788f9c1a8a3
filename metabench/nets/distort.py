"""Random affine distortions of drawings, drawn anew each time, inside jit.

Koch, Zemel & Salakhutdinov 2015, section 3.3: turns up to 10 degrees, shears up to 0.3 and scales
from 0.8 to 1.2 along each axis, shifts up to 2 pixels of 105, each there with probability 1/2. For
training alone.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.nets.affine import resampled, turns

ANGLE = jnp.pi / 18  # radians
SHEAR = 0.3
SCALE = 0.2
SHIFT = 2 / 105  # of the image's side


def distorted(key: jax.Array, images: jax.Array) -> jax.Array:
    """Each of `images`, float [n, height, width, channels], after a distortion of its own."""
    count, height, width, _ = images.shape
    size_key, there_key = jax.random.split(key)
    drawn = jax.random.uniform(size_key, (7, count), minval=-1.0)
    drawn = drawn * jax.random.bernoulli(there_key, 0.5, drawn.shape)
    angle, shear_row, shear_column, scale_row, scale_column, down, right = drawn
    ones = jnp.ones(count)
    sheared = square(ones, SHEAR * shear_row, SHEAR * shear_column, ones)
    scaled = jnp.stack([1 + SCALE * scale_row, 1 + SCALE * scale_column], -1)
    # A drawing is scaled, sheared, then turned: the new image looks the other way round.
    back = inverse(sheared) @ turns(ANGLE * angle) / scaled[:, :, None]
    return resampled(images, back, SHIFT * height * down, SHIFT * width * right)


def square(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> jax.Array:
    """Matrices [[a, b], [c, d]]: [n, 2, 2]."""
    return jnp.stack([jnp.stack([a, b], -1), jnp.stack([c, d], -1)], -2)


def inverse(m: jax.Array) -> jax.Array:
    """Of each 2x2 matrix: [n, 2, 2]."""
    (a, b), (c, d) = (m[:, 0, 0], m[:, 0, 1]), (m[:, 1, 0], m[:, 1, 1])
    return square(d, -b, -c, a) / (a * d - b * c)[:, None, None]
