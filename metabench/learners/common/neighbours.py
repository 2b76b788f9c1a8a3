"""Nearest neighbours among unit vectors, in episodes and in streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from metabench.errors import UserError
from metabench.learners.common.by_class import largest
from metabench.types import ImageTaskShape, PyTree, StreamShape

NEARER = 1e-3  # what a cosine of 1 adds to a vote
FARTHEST = -2.0  # below every cosine: means "not of this class"


def unit(vectors: jax.Array) -> jax.Array:
    """[n, features] to unit vectors; zeros stay zeros."""
    return vectors * jax.lax.rsqrt(jnp.square(vectors).sum(-1, keepdims=True) + 1e-12)


def nearest(supports: jax.Array, labels: jax.Array, queries: jax.Array) -> jax.Array:
    """The largest cosine with a support of each class: logits [queries, way].

    Args:
      supports: unit vectors [supports, features].
      labels: one-hot [supports, way].
      queries: unit vectors [queries, features].
    """
    return largest(queries @ supports.T, labels, FARTHEST)


class Neighbours(NamedTuple):
    """What is kept of a support set: the embedding's state, and the supports as unit vectors."""

    state: PyTree
    supports: jax.Array  # [supports, features]
    labels: jax.Array  # one-hot [supports, way]


Adapt: TypeAlias = Callable[[PyTree, jax.Array, jax.Array, jax.Array], Neighbours]
Predict: TypeAlias = Callable[[Neighbours, jax.Array], jax.Array]


def by_nearest(
    embed: Callable[[PyTree, jax.Array], jax.Array],
    way: int,
    kept: Callable[[PyTree], PyTree] = lambda state: state,
) -> tuple[Adapt, Predict]:
    """`adapt` and `predict` of a learner: cosine nearest neighbour on an embedding.

    Args:
      embed: `embed(state, images) -> [n, features]`.
      way: classes in an episode.
      kept: the part of a state that `embed` needs; it is stored in the task.
    """

    def adapt(
        state: PyTree, support_x: jax.Array, support_y: jax.Array, key: jax.Array
    ) -> Neighbours:
        del key
        found = unit(embed(kept(state), support_x))
        return Neighbours(kept(state), found, jax.nn.one_hot(support_y, way))

    def predict(task: Neighbours, query_x: jax.Array) -> jax.Array:
        return nearest(task.supports, task.labels, unit(embed(task.state, query_x)))

    return adapt, predict


def check_neighbours(neighbours: int, shape: ImageTaskShape) -> None:
    """`UserError` on a number of voters that is never met, or that nothing asks for.

    Args:
      neighbours: of the earlier images of a stream.
      shape: of the test's tasks; in episodes the nearest support alone decides.
    """
    if isinstance(shape, StreamShape):
        if neighbours >= shape.steps:
            raise UserError(
                f"`neighbours` is {neighbours}, but the last of the {shape.steps} images of a "
                f"stream comes after {shape.steps - 1} others: take 1 to {shape.steps - 1}"
            )
    elif neighbours != 1:
        raise UserError(
            f"`neighbours` is {neighbours}, but only in the online protocol do several images "
            "vote; leave it out here"
        )


def votes(similarity: jax.Array, labels: jax.Array, neighbours: int) -> jax.Array:
    """The nearest earlier images vote on each image of a stream: [steps, outputs].

    If numbers of votes are equal, the nearer images decide; there are no votes at the first step.

    Args:
      similarity: between all images, [steps, steps].
      labels: at each step the code of the step before, [steps, outputs].
      neighbours: how many vote, if there are so many yet.
    """
    steps = labels.shape[0]
    earlier = jnp.tril(jnp.ones((steps, steps), bool), -1)
    found, place = jax.lax.top_k(jnp.where(earlier, similarity, -jnp.inf), min(neighbours, steps))
    codes = jnp.roll(labels, -1, axis=0)  # of the images themselves; the last is not used
    weight = jnp.where(found > -jnp.inf, 1 + NEARER * found, 0.0)
    return (weight[:, :, None] * codes[place]).sum(1)
