"""Nearest neighbours on pixels: the baseline that learns nothing.

The "pixels, cosine" row of Vinyals et al. 2016, table 1: a query takes the class of
the support whose pixels make the smallest angle with its own.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from metabench.errors import UserError
from metabench.learners.neighbours import check_neighbours, nearest, unit, votes
from metabench.types import ImageTaskShape, Learner

Ink = Literal["dark", "bright"]


class Task(NamedTuple):
    """The supports as unit vectors."""

    unit: jax.Array  # [supports, pixels]
    labels: jax.Array  # one-hot [supports, way]


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

    def dark_or_bright(images: jax.Array) -> jax.Array:
        return unit_pixels(images if ink == "bright" else 255 - images)

    def init(key: jax.Array) -> tuple[()]:
        del key
        return ()

    def adapt(state: tuple[()], support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del state, key
        return Task(dark_or_bright(support_x), jax.nn.one_hot(support_y, shape.way))

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        return nearest(task.unit, task.labels, dark_or_bright(query_x))

    def stream(state: tuple[()], xs: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        del state, key
        images = dark_or_bright(xs)
        return votes(images @ images.T, labels, neighbours)

    return Learner(init=init, adapt=adapt, predict=predict, stream=stream)


def unit_pixels(images: jax.Array) -> jax.Array:
    """uint8 [n, h, w, c] to unit vectors [n, h * w * c]; blank images to zeros."""
    return unit(images.reshape(images.shape[0], -1).astype(jnp.float32) / 255)
