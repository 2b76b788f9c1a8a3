"""Images with more values than pixels, for augmentations that read between the pixels.

A detailed image has `detail` x `detail` values for each pixel of the image: the pixel itself in
the middle, and around it what the pixel would be if the drawing were moved by a part of a pixel.
They are made once, from drawings of `detail` times the size and by Lanczos' filter, by which the
datasets are resized too. An image that is read between these values stays as sharp as one that is
prepared at the test's size.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from metabench.errors import UserError
from metabench.types import ImageShape

LOBES = 3  # of Lanczos' filter, as in Pillow
CHUNK = 2048  # images that are filtered at once


def detail_of(found: ImageShape, image: ImageShape) -> int:
    """Values for each pixel of `image`, along each side, in images of the shape `found`.

    Raises:
      UserError: `found` is no whole multiple of `image`.
    """
    detail = max(found[0] // image[0], 1)
    if found != (detail * image[0], detail * image[1], image[2]):
        raise UserError(
            f"the training images have the shape {found}, which is no whole multiple of the "
            f"test's, {image}"
        )
    return detail


def at_more_places(images: np.ndarray, detail: int) -> np.ndarray:
    """Drawings of `detail` times the size, filtered for images of the size: uint8, as `images`.

    Args:
      images: uint8 [n, detail * height, detail * width, channels].
      detail: values for each pixel, along each side.
    """
    tall, wide = (jnp.asarray(weights(side, detail)) for side in images.shape[1:3])

    @jax.jit
    def filtered(some: jax.Array) -> jax.Array:
        rows = jnp.einsum("ai,nijc->najc", tall, some.astype(jnp.float32))
        found = jnp.einsum("bj,najc->nabc", wide, rows)
        return jnp.clip(jnp.round(found), 0, 255).astype(jnp.uint8)

    pieces = [filtered(images[start : start + CHUNK]) for start in range(0, len(images), CHUNK)]
    return np.concatenate(pieces)


def weights(side: int, detail: int) -> np.ndarray:
    """Lanczos' filter for images that are `detail` times smaller: float32 [side, side].

    Row i holds the weights of the value at place i; they sum to 1.
    """
    place = np.arange(side)
    apart = (place[None] - place[:, None]) / detail
    found = np.where(np.abs(apart) < LOBES, np.sinc(apart) * np.sinc(apart / LOBES), 0.0)
    return (found / found.sum(1, keepdims=True)).astype(np.float32)


def between_pixels(images: np.ndarray, detail: int) -> np.ndarray:
    """Detailed images where there are no larger drawings: interpolated, which is less sharp.

    Args:
      images: uint8 [n, height, width, channels].
      detail: values for each pixel, along each side.
    """
    count, height, width, channels = images.shape
    shape = (count, detail * height, detail * width, channels)
    found = jax.image.resize(jnp.asarray(images, jnp.float32), shape, "lanczos3")
    return np.asarray(jnp.clip(jnp.round(found), 0, 255).astype(jnp.uint8))
