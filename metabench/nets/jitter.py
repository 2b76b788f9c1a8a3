"""Small random turns and shifts of images, drawn anew each time, inside jit.

Santoro et al. 2016, section 4.1: angles up to π/16, shifts up to 10 pixels of 105. For training
alone. Points between pixels are bilinear, points outside the image are blank.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

ANGLE = jnp.pi / 16  # radians
SHIFT = 10 / 105  # of the image's side


def jitter(
    key: jax.Array, images: jax.Array, angle: float = ANGLE, shift: float = SHIFT
) -> jax.Array:
    """Turn and shift each of `images` by its own amounts.

    Args:
      key: of the draws.
      images: float [n, height, width, channels].
      angle: largest turn in radians, either way.
      shift: largest shift along each axis, either way, as a share of the side.

    Returns:
      float [n, height, width, channels].
    """
    count, height, width, _ = images.shape
    draws = jax.random.uniform(key, (3, count), minval=-1.0)
    turned = moved(images, draws[0] * angle, draws[1] * shift * height, draws[2] * shift * width)
    return turned


def moved(images: jax.Array, angles: jax.Array, down: jax.Array, right: jax.Array) -> jax.Array:
    """Each image turned by its angle (radians, counter-clockwise) and moved by so many pixels."""
    _, height, width, _ = images.shape
    middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
    grid = jnp.mgrid[:height, :width].astype(jnp.float32)[:, None]
    row = grid[0] - middle_row - down[:, None, None]
    column = grid[1] - middle_column - right[:, None, None]
    cos, sin = (f(angles)[:, None, None] for f in (jnp.cos, jnp.sin))
    return _between(
        images, cos * row + sin * column + middle_row, cos * column - sin * row + middle_column
    )


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
