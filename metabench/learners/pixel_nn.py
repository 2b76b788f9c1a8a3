"""Nearest neighbours on pixels: the baseline that learns nothing.

The "pixels, cosine" row of Vinyals et al. 2016, table 1: a query takes the class of
the support whose pixels make the smallest angle with its own.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from metabench.errors import UserError
from metabench.types import ImageTaskShape, Learner

Ink = Literal["dark", "bright"]


NEARER = 1e-3  # of a vote: what a cosine of 1 adds to it


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
    if neighbours < 1:
        raise UserError(f"`neighbours` is {neighbours}; it must be at least 1")
    if ink not in get_args(Ink):
        raise UserError(f"`ink` is {ink!r}; it must be one of: {', '.join(get_args(Ink))}")

    def unit(images: jax.Array) -> jax.Array:
        return unit_pixels(images if ink == "bright" else 255 - images)

    def init(key: jax.Array) -> tuple[()]:
        del key
        return ()

    def adapt(state: tuple[()], support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del state, key
        return Task(unit(support_x), jax.nn.one_hot(support_y, shape.way))

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        cosine = unit(query_x) @ task.unit.T
        # Cosines of pixels are never below 0, so -1 stands for "not of this class".
        return jnp.where(task.labels[None] > 0, cosine[:, :, None], -1.0).max(axis=1)

    def stream(state: tuple[()], xs: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        del state, key
        images = unit(xs)
        return votes(images @ images.T, labels, neighbours)

    return Learner(init=init, adapt=adapt, predict=predict, stream=stream)


def votes(similarity: jax.Array, labels: jax.Array, neighbours: int) -> jax.Array:
    """The nearest earlier images vote on each image of a stream: [steps, outputs].

    Votes of equal number are decided by who is nearer; nobody has a vote at the first step.

    Args:
      similarity: of all images to one another, [steps, steps].
      labels: at each step the code of the step before, [steps, outputs].
      neighbours: how many vote, as far as there are so many.
    """
    steps = labels.shape[0]
    earlier = jnp.tril(jnp.ones((steps, steps), bool), -1)
    found, place = jax.lax.top_k(jnp.where(earlier, similarity, -jnp.inf), min(neighbours, steps))
    codes = jnp.roll(labels, -1, axis=0)  # of the images themselves; no one looks at the last
    weight = jnp.where(found > -jnp.inf, 1 + NEARER * found, 0.0)
    return (weight[:, :, None] * codes[place]).sum(1)


def unit_pixels(images: jax.Array) -> jax.Array:
    """uint8 [n, h, w, c] to unit vectors [n, h * w * c]; blank images to zeros."""
    flat = images.reshape(images.shape[0], -1).astype(jnp.float32) / 255
    return flat * jax.lax.rsqrt(jnp.square(flat).sum(-1, keepdims=True) + 1e-12)
