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
    detail: int = 1,
) -> jax.Array:
    """Each image, transformed by its own map: float [n, h / detail, w / detail, channels].

    Args:
      images: the images to transform, float or uint8.
      matrices: map a point of the new image, (row, column) relative to its middle and before the
        shift, to the point of the old image that appears there. This is the inverse of the map
        that transforms the drawing.
      down: downward shift of each image in pixels of the new one, after the matrix.
      right: shift to the right.
      detail: values of an old image for each pixel of the new one, along each side
        (`tasks/detail.py`). The more there are, the less is lost between them.
    """
    _, tall, wide, _ = images.shape
    height, width = tall // detail, wide // detail
    grid = jnp.mgrid[:height, :width].astype(jnp.float32)[:, None]
    row = detail * (grid[0] - (height - 1) / 2 - down[:, None, None])
    column = detail * (grid[1] - (width - 1) / 2 - right[:, None, None])
    entry = matrices[:, :, :, None, None]
    return _between(
        images,
        entry[:, 0, 0] * row + entry[:, 0, 1] * column + (tall - 1) / 2,
        entry[:, 1, 0] * row + entry[:, 1, 1] * column + (wide - 1) / 2,
    )


def turns(angles: Float[jax.Array, " n"]) -> jax.Array:
    """The matrices, [n, 2, 2], that rotate images by these angles (radians), counter-clockwise."""
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    return jnp.stack([jnp.stack([cos, sin], -1), jnp.stack([-sin, cos], -1)], -2)


def _between(images: jax.Array, row: jax.Array, column: jax.Array) -> jax.Array:
    """Bilinear values of image i at (row[i], column[i]); zero outside."""
    count, height, width, channels = images.shape
    row, column = jnp.clip(row, -1, height), jnp.clip(column, -1, width)
    top, left = jnp.floor(row).astype(jnp.int32), jnp.floor(column).astype(jnp.int32)
    flat = images.reshape(-1, channels)
    first = jnp.arange(count)[:, None, None] * (height * width)
    found = jnp.zeros((*row.shape, channels))
    for line, high in ((top, 1 - (row - top)), (top + 1, row - top)):
        for place, wide in ((left, 1 - (column - left)), (left + 1, column - left)):
            inside = (line >= 0) & (line < height) & (place >= 0) & (place < width)
            at = first + jnp.clip(line, 0, height - 1) * width + jnp.clip(place, 0, width - 1)
            found = found + flat[at] * jnp.where(inside, high * wide, 0.0)[..., None]
    return found
