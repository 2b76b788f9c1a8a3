"""Nearest neighbours on pixels: the baseline without training.

The "pixels, cosine" row of Vinyals et al. 2016, table 1: a query takes the class of
the support whose pixels make the smallest angle with its own.
"""

from __future__ import annotations

from typing import Literal

import jax

from metabench.contracts.learner import EpisodeLearner, StreamLearner
from metabench.contracts.options import Count, with_options
from metabench.learners.common.neighbours import by_nearest, check_neighbours, unit, votes
from metabench.nets.pixels import pixels
from metabench.types import ImageTaskShape, StreamShape

Ink = Literal["dark", "bright"]


@with_options
def pixel_nn(
    shape: ImageTaskShape, *, ink: Ink = "dark", neighbours: Count = 1
) -> EpisodeLearner | StreamLearner:
    """Cosine nearest neighbour on raw pixels; with several shots the nearest one decides.

    Args:
      shape: of the test episodes or streams.
      ink: a cosine depends on what counts as 0. `dark` compares drawings as they are in
        the original files, ink 0 on paper 1, which is what reproduces the published
        figures; `bright` inverts them, which compares the ink and is far better.
        Photographs need `bright`, which does not change pixels.
      neighbours: in the online protocol, how many of the earlier images vote.
    """
    check_neighbours(neighbours, shape)

    def embed(state: tuple[()], images: jax.Array) -> jax.Array:
        del state
        return unit_pixels(images if ink == "bright" else 255 - images)

    def init(key: jax.Array) -> tuple[()]:
        del key
        return ()

    def answer(state: tuple[()], xs: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        del key
        images = embed(state, xs)
        return votes(images @ images.T, labels, neighbours)

    if isinstance(shape, StreamShape):
        return StreamLearner(init, answer)
    adapt, predict = by_nearest(embed, shape.way)
    return EpisodeLearner(init, adapt, predict, embed=embed)


def unit_pixels(images: jax.Array) -> jax.Array:
    """uint8 [n, h, w, c] to unit vectors [n, h * w * c]; blank images to zeros."""
    return unit(pixels(images.reshape(images.shape[0], -1)))
