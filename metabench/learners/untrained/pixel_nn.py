"""Nearest neighbours on pixels: the baseline that learns nothing.

The "pixels, cosine" row of Vinyals et al. 2016, table 1: a query takes the class of
the support whose pixels make the smallest angle with its own.
"""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.common.neighbours import by_nearest, check_neighbours, unit, votes
from metabench.types import ImageTaskShape

Ink = Literal["dark", "bright"]


def pixel_nn(shape: ImageTaskShape, *, ink: Ink = "dark", neighbours: int = 1) -> Learner:
    """Cosine nearest neighbour on raw pixels; with several shots the nearest one decides.

    Args:
      shape: of the test episodes.
      ink: a cosine depends on what counts as 0. `dark` compares drawings as they are in
        the original files, ink 0 on paper 1, which is what reproduces the published
        figures; `bright` turns them round, which compares the ink and is far better.
        Photographs want `bright`, which leaves pixels as they are.
      neighbours: in the online protocol, how many of the images met so far vote.
    """
    check_neighbours(neighbours)
    if ink not in get_args(Ink):
        raise UserError(f"`ink` is {ink!r}; it must be one of: {', '.join(get_args(Ink))}")

    def embed(state: tuple[()], images: jax.Array) -> jax.Array:
        del state
        return unit_pixels(images if ink == "bright" else 255 - images)

    def init(key: jax.Array) -> tuple[()]:
        del key
        return ()

    def stream(state: tuple[()], xs: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        del key
        images = embed(state, xs)
        return votes(images @ images.T, labels, neighbours)

    adapt, predict = by_nearest(embed, shape.way)
    return Learner(init=init, adapt=adapt, predict=predict, stream=stream, embed=embed)


def unit_pixels(images: jax.Array) -> jax.Array:
    """uint8 [n, h, w, c] to unit vectors [n, h * w * c]; blank images to zeros."""
    return unit(images.reshape(images.shape[0], -1).astype(jnp.float32) / 255)
