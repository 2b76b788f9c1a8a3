"""Affine maps of images, one for each image, inside jit.

Points between pixels are bilinear, points outside the image are blank.
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
    """Each image after its own map: float [n, height, width, channels].

    Args:
      images: to be mapped.
      matrices: from a place of the new image, (row, column) from its middle after the shift is
        taken back, to the place of the old one that is seen there: the inverse of what a
        drawing undergoes.
      down: shift of each image in pixels, after the matrix.
      right: the same along its width.
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
    """The matrices, [n, 2, 2], that turn images by so many radians counter-clockwise."""
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
