"""Images as networks take them."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def pixels(images: jax.Array) -> jax.Array:
    """uint8 of any shape to floats from 0 to 1."""
    return images.astype(jnp.float32) / 255
