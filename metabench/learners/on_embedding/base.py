"""Another learner's embedding, to build on.

CACTUs clusters it, and classifiers are fitted to it. The other learner is trained first and stays
as it is then. Its features take the place of an image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench import registry
from metabench.contracts.learner import EpisodeLearner, Foundation, Source
from metabench.contracts.options import Options
from metabench.errors import UserError
from metabench.types import EpisodeShape, PyTree, Select

EMBEDDED = 512  # images that are embedded at once
SOURCE = EpisodeShape(5, 1, 15)  # in whose episodes an embedding is validated

# `keep(features [images, dimensions], key)`: what a classifier keeps of the training images.
Keep = Callable[[np.ndarray, jax.Array], jax.Array]
# `fit(kept, features [supports, dimensions], labels, key)`: the classifier of an episode.
Fit = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], PyTree]
# `score(fitted, features [queries, dimensions])`: logits [queries, way].
Score = Callable[[PyTree, jax.Array], jax.Array]


@dataclass(frozen=True)
class Embedding(Options):
    """Options that name the learner to build on.

    Args:
      embedding: a learner with `embed`, trained first.
      embedding_settings: its options; a run uses those of its recipe if they are not given.
      embedding_select: which state of its training to build on: the `last`, or the `best` on the
        validation classes, whose labels are used for that.
    """

    embedding: str = "autoencoder"
    embedding_settings: dict[str, Any] | None = None
    embedding_select: Select = "last"


def embedding_source(shape: EpisodeShape, named: Embedding) -> Source:
    """The learner to build on, for images of `shape`.

    Raises:
      UserError: there is none of that name, it takes no episodes, or it has no embedding.
    """
    name, settings = named.embedding, named.embedding_settings or {}
    if registry.takes(name, EpisodeShape):
        learner = registry.build_learner(name, replace(SOURCE, image=shape.image), settings)
        if learner.embed is not None:
            return Source(name, settings, learner, named.embedding_select)
    raise UserError(
        f"`embedding` is {name!r}, which has no embedding (no `embed`); take one that has, such "
        "as pixel_nn, autoencoder or acai"
    )


def embedded(learner: EpisodeLearner, state: PyTree, images: jax.Array) -> np.ndarray:
    """Features of all images, computed in parts: float32 [images, features]."""
    assert learner.embed is not None
    embed: Callable[[PyTree, jax.Array], jax.Array] = jax.jit(learner.embed)
    number = images.shape[0]
    padded = -(-number // EMBEDDED) * EMBEDDED
    found = []
    for start in range(0, padded, EMBEDDED):
        rows = jnp.minimum(jnp.arange(start, start + EMBEDDED), number - 1)
        found.append(np.asarray(embed(state, images[rows]), np.float32))
    return np.concatenate(found)[:number]


class State(NamedTuple):
    """The trained source, and what is kept of the training images."""

    source: PyTree
    kept: jax.Array  # [rows, dimensions]


class Task(NamedTuple):
    """The source, and the classifier of an episode."""

    source: PyTree
    fitted: PyTree


def on_embedding(
    shape: EpisodeShape,
    embedding: Embedding,
    fit: Fit,
    score: Score,
    *,
    keep: Keep | None = None,
    rows: int = 0,
) -> EpisodeLearner:
    """A learner that fits a classifier to the features of an episode's supports.

    Args:
      shape: of the test episodes.
      embedding: names the learner to build on.
      fit: a classifier for the supports.
      score: its logits.
      keep: what is kept of the features of all training images, which have no labels.
      rows: number of rows that are kept, [rows, dimensions]; at first they are zeros.
    """
    source = embedding_source(shape, embedding)
    embed = source.learner.embed
    assert embed is not None

    def kept(state: State, trained: PyTree, images: jax.Array, key: jax.Array) -> State:
        if keep is None:
            return State(trained, state.kept)
        return State(trained, keep(embedded(source.learner, trained, images), key))

    def init(key: jax.Array) -> State:
        first = source.learner.init(key)
        one = jax.ShapeDtypeStruct((1, *shape.image), jnp.uint8)
        dimensions = jax.eval_shape(embed, first, one).shape[1]
        return State(first, jnp.zeros((rows, dimensions)))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        features = embed(state.source, support_x)
        return Task(state.source, fit(state.kept, features, support_y, key))

    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=lambda task, query_x: score(task.fitted, embed(task.source, query_x)),
        embed=lambda state, images: embed(state.source, images),
        foundation=Foundation(source, kept),
    )
