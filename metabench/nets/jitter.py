"""Small random rotations and shifts of images, different in each call, inside jit.

Santoro et al. 2016, section 4.1: angles up to π/16, shifts up to 10 pixels of 105. Only for
training.

Images of 20 pixels that are moved by interpolation lose half of the energy of their edges, while
those of the test stay sharp. So a learner asks for training images of the shape `detailed(image)`,
which have more values than pixels (`tasks/detail.py`), and `jitter` makes pixels of them.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.nets.affine import resampled, turns
from metabench.types import ImageShape

ANGLE = jnp.pi / 16  # radians
SHIFT = 10 / 105  # of the image's side
DETAIL = 3  # values for each pixel, along each side; odd, so that one is in the pixel's middle
LARGEST = 35  # pixels; Omniglot's drawings have 105, and larger images are sharp enough


def detailed(image: ImageShape) -> ImageShape:
    """The shape of training images that `jitter` makes images of the shape `image` of."""
    height, width, channels = image
    detail = DETAIL if max(height, width) <= LARGEST else 1
    return height * detail, width * detail, channels


def unmoved(images: jax.Array, image: ImageShape) -> jax.Array:
    """The pixels of detailed images as they are: [..., *image], of [..., h, w, c]."""
    detail = images.shape[-2] // image[1]
    return images[..., detail // 2 :: detail, detail // 2 :: detail, :]


def jitter(
    key: jax.Array,
    images: jax.Array,
    image: ImageShape,
    angle: float = ANGLE,
    shift: float = SHIFT,
) -> jax.Array:
    """Rotate and shift each of `images` by its own amounts.

    Args:
      key: of the draws.
      images: float or uint8 [n, h, w, channels], as detailed as `detailed(image)` or not at all.
      image: height, width and channels of the result.
      angle: largest rotation in radians, in both directions.
      shift: largest shift along each axis, in both directions, as a share of the side.

    Returns:
      float [n, *image], in the units of `images`.
    """
    height, width, _ = image
    draws = jax.random.uniform(key, (3, images.shape[0]), minval=-1.0)
    down, right = draws[1] * shift * height, draws[2] * shift * width
    return resampled(images, turns(draws[0] * angle), down, right, images.shape[2] // width)
