"""Random affine distortions of drawings, different in each call, inside jit.

They differ as handwriting does: most in slant, less in rotation, size, proportion and place. All
draws are uniform in their ranges. Only for training.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.nets.affine import resampled, turns

SLANT = 0.5  # the tangent of the angle: how far to the right for one pixel up
ANGLE = 0.15  # radians
SIZE = 0.1  # the logarithm of a factor
PROPORTION = 0.15  # the logarithm of the height's factor, and of the inverse of the width's
SHIFT = 1 / 28  # of the image's side
STRONGEST = 4  # times these ranges


def distorted(key: jax.Array, images: jax.Array, strength: float = 1.0) -> jax.Array:
    """Each of `images`, float [n, height, width, channels], after its own distortion.

    `strength` multiplies the ranges above; it is from 0 to `STRONGEST`.
    """
    count, height, width, _ = images.shape
    drawn = strength * jax.random.uniform(key, (6, count), minval=-1.0)
    slant, angle, size, proportion, down, right = drawn
    ones, zeros = jnp.ones(count), jnp.zeros(count)
    high = jnp.exp(SIZE * size + PROPORTION * proportion)
    wide = jnp.exp(SIZE * size - PROPORTION * proportion)
    # A drawing is scaled, slanted, then rotated; the matrices go the other way, from the new image
    # to the old one. Rows count downwards, so that a slant to the right moves lower rows left.
    scaled = square(1 / high, zeros, zeros, 1 / wide)
    slanted = square(ones, zeros, SLANT * slant, ones)
    back = scaled @ slanted @ turns(ANGLE * angle)
    return resampled(images, back, SHIFT * height * down, SHIFT * width * right)


def square(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> jax.Array:
    """Matrices [[a, b], [c, d]]: [n, 2, 2]."""
    return jnp.stack([jnp.stack([a, b], -1), jnp.stack([c, d], -1)], -2)
