"""DropBlock (Ghiasi, Lin & Le 2018): what is dropped of a map is a square, not single numbers.

Neighbours in a map are alike, so that a dropped number is known from those around it; a dropped
square is not. What is kept is scaled up by how much is lost.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Float


def drop_block(
    key: jax.Array, x: Float[jax.Array, "n h w c"], rate: float, size: int
) -> Float[jax.Array, "n h w c"]:
    """`x` with squares of zeros in each map, others in every image and channel (algorithm 1).

    Args:
      key: of the draws.
      x: maps.
      rate: share of each map that is dropped, roughly: squares may overlap. From 0 to 1.
      size: side of a square in pixels, at most the side of the map; 1 drops single numbers.
    """
    _, height, width, _ = x.shape
    side = min(size, height, width)
    tops = (height - side + 1) * (width - side + 1)  # where a whole square has its first pixel
    chance = rate * height * width / (side**2 * tops)  # equation 1
    shape = (x.shape[0], height - side + 1, width - side + 1, x.shape[3])
    kept = kept_of(jax.random.bernoulli(key, min(chance, 1.0), shape), side)
    return x * kept * (kept.size / jnp.maximum(kept.sum(), 1.0))


def kept_of(firsts: jax.Array, side: int) -> Float[jax.Array, "n h w c"]:
    """0 in the squares with `side` pixels to the right and down of each of `firsts`, else 1.

    `firsts`: bool [n, h - side + 1, w - side + 1, c].
    """
    border = side - 1
    dropped = jax.lax.reduce_window(
        firsts.astype(jnp.float32),
        -jnp.inf,
        jax.lax.max,
        (1, side, side, 1),
        (1, 1, 1, 1),
        ((0, 0), (border, border), (border, border), (0, 0)),
    )
    return 1 - dropped
