"""Nearest neighbour by modified Hausdorff distance between drawings, the baseline of the trials.

Dubuisson & Jain, "A modified Hausdorff distance for object matching", ICPR 1994, eq. 23,
as the demo that ships with Omniglot uses it: a drawing is the set of its ink pixels'
coordinates less their mean. On Lake's 400 one-shot trials it errs in 38.8 %, so that it
tests everything between the archive and the table.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Count, with_options
from metabench.types import EpisodeShape

INK = 128  # a pixel this bright is ink


class Points(NamedTuple):
    """The ink pixels of a drawing, followed by padding."""

    at: jax.Array  # float32 [points, 2], row and column minus their means
    real: jax.Array  # bool [points]; the rest is padding


class Task(NamedTuple):
    """The supports as points."""

    supports: Points  # with a leading axis
    labels: jax.Array  # int32 [supports]


@with_options
def modified_hausdorff(shape: EpisodeShape, *, points: Count = 2048) -> EpisodeLearner:
    """The nearest support by modified Hausdorff distance; nothing is learned.

    Args:
      shape: of the test episodes.
      points: how many ink pixels of a drawing are compared at most; of more, evenly spaced ones
        are taken. The time grows with the square of this number.
    """
    height, width, _ = shape.image
    scatter = jax.vmap(partial(ink_points, number=min(points, height * width)))

    def init(key: jax.Array) -> tuple[()]:
        del key
        return ()

    def adapt(state: tuple[()], support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del state, key
        return Task(scatter(support_x), support_y)

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        def distances(query: Points) -> jax.Array:
            return jax.lax.map(partial(distance, query), task.supports)

        far = jax.lax.map(distances, scatter(query_x))  # [queries, supports]
        of_label = task.labels[:, None] == jnp.arange(shape.way)[None]
        return -jnp.where(of_label[None], far[:, :, None], jnp.inf).min(axis=1)

    return EpisodeLearner(init, adapt, predict)


def ink_points(image: jax.Array, number: int) -> Points:
    """The ink of one uint8 image [height, width, channels], as up to `number` points."""
    ink = (image[:, :, 0] >= INK).reshape(-1)
    count = ink.sum()
    place = jnp.nonzero(ink, size=ink.size, fill_value=0)[0]
    step = jnp.arange(number)
    chosen = place[jnp.where(count > number, step * (count / number), step).astype(jnp.int32)]
    real = step < count
    at = jnp.stack([chosen // image.shape[1], chosen % image.shape[1]], axis=1)
    at = at.astype(jnp.float32)
    mean = jnp.where(real[:, None], at, 0).sum(0, keepdims=True) / jnp.maximum(real.sum(), 1)
    return Points(at - mean, real)


def distance(a: Points, b: Points) -> jax.Array:
    """The larger of both mean distances from a point to the nearest one of the other set."""
    return jnp.maximum(_mean(_nearest(a, b), a.real), _mean(_nearest(b, a), b.real))


def _nearest(a: Points, b: Points) -> jax.Array:
    """Squared distance of each point of `a` to the nearest of `b`: [points].

    It takes the real points of `b` one after the other: drawings differ much in ink,
    and each step is a few vector instructions over all points of `a`.
    """

    def nearer(i: jax.Array, least: jax.Array) -> jax.Array:
        row, column = b.at[i]
        return jnp.minimum(least, jnp.square(row - a.at[:, 0]) + jnp.square(column - a.at[:, 1]))

    return jax.lax.fori_loop(0, b.real.sum(), nearer, jnp.full(len(a.real), jnp.inf))


def _mean(squared: jax.Array, real: jax.Array) -> jax.Array:
    """Mean distance over the real points; infinite if one of the sets is empty."""
    total = jnp.where(real, jnp.sqrt(squared), 0).sum()
    return jnp.where(real.any(), total / jnp.maximum(real.sum(), 1), jnp.inf)
