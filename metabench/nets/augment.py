"""Random changes of sets of images inside jit: rotation, reflection, dilation, binarisation.

Only for training. A set that is rotated or reflected as a whole stands for another class; dilation
and binarisation change each image by itself (Edwards & Storkey 2017, section 5.3).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array


def turned(key: Array, sets: Array) -> Array:
    """Each set, rotated by 0, 90, 180 or 270 degrees: [sets, members, h, w, c], h equal to w."""
    quarters = jax.random.randint(key, (sets.shape[0],), 0, 4)
    copies = jnp.stack([jnp.rot90(sets, quarter, axes=(2, 3)) for quarter in range(4)])
    return copies[quarters, jnp.arange(sets.shape[0])]


def reflected(key: Array, sets: Array) -> Array:
    """Each set, mirrored with probability 1/2: [sets, members, h, w, c]."""
    mirror = jax.random.bernoulli(key, 0.5, (sets.shape[0],))
    return jnp.where(mirror[:, None, None, None, None], sets[:, :, :, ::-1], sets)


def dilated(key: Array, images: Array, chance: float) -> Array:
    """Each image, dilated by a cross of five pixels with probability `chance`: [..., h, w, c]."""
    lead = images.shape[:-3]
    border = [(0, 0)] * len(lead)
    padded = jnp.pad(images, [*border, (1, 1), (1, 1), (0, 0)])
    height, width = images.shape[-3:-1]
    thick = images
    for down, right in ((0, 1), (1, 0), (1, 2), (2, 1)):
        moved = padded[..., down : down + height, right : right + width, :]
        thick = jnp.maximum(thick, moved)
    chosen = jax.random.bernoulli(key, chance, lead)
    return jnp.where(chosen[..., None, None, None], thick, images)


def binarised(key: Array, images: Array) -> Array:
    """Pixels in [0, 1] to 0 or 1; the pixel is the probability of 1."""
    return (jax.random.uniform(key, images.shape) < images).astype(jnp.float32)
