"""Affine maps of images, one for each image, inside jit.

Values between pixels are interpolated bilinearly; outside the image they are 0.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Float


def resampled(
    images: Float[jax.Array, "n h w c"],
    matrices: Float[jax.Array, "n 2 2"],
    down: Float[jax.Array, " n"],
    right: Float[jax.Array, " n"],
) -> jax.Array:
    """Each image, transformed by its own map: float [n, height, width, channels].

    Args:
      images: the images to transform.
      matrices: map a point of the new image, (row, column) relative to its middle and before the
        shift, to the point of the old image that appears there. This is the inverse of the map
        that transforms the drawing.
      down: downward shift of each image in pixels, after the matrix.
      right: shift to the right.
    """
    _, height, width, _ = images.shape
    middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
    grid = jnp.mgrid[:height, :width].astype(jnp.float32)[:, None]
    row = grid[0] - middle_row - down[:, None, None]
    column = grid[1] - middle_column - right[:, None, None]
    entry = matrices[:, :, :, None, None]
    return _between(
        images,
        entry[:, 0, 0] * row + entry[:, 0, 1] * column + middle_row,
        entry[:, 1, 0] * row + entry[:, 1, 1] * column + middle_column,
    )


def turns(angles: Float[jax.Array, " n"]) -> jax.Array:
    """The matrices, [n, 2, 2], that rotate images by these angles (radians), counter-clockwise."""
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    return jnp.stack([jnp.stack([cos, sin], -1), jnp.stack([-sin, cos], -1)], -2)


def _between(images: jax.Array, row: jax.Array, column: jax.Array) -> jax.Array:
    """Bilinear values of image i at (row[i], column[i]); zero outside."""
    count, height, width, channels = images.shape
    padded = jnp.pad(images, ((0, 0), (1, 2), (1, 2), (0, 0)))
    row, column = jnp.clip(row + 1, 0, height + 1), jnp.clip(column + 1, 0, width + 1)
    top, left = jnp.floor(row).astype(jnp.int32), jnp.floor(column).astype(jnp.int32)
    below, beside = (row - top)[..., None], (column - left)[..., None]
    flat = padded.reshape(-1, channels)
    stride = width + 3
    first = jnp.arange(count)[:, None, None] * ((height + 3) * stride)
    corner = first + top * stride + left
    upper = flat[corner] * (1 - beside) + flat[corner + 1] * beside
    lower = flat[corner + stride] * (1 - beside) + flat[corner + stride + 1] * beside
    return upper * (1 - below) + lower * below
