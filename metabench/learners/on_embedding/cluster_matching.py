"""Cluster matching: an embedding's clusters, named by the supports (Hsu, Levine & Finn 2019).

The unlabelled training images are clustered once. In an episode each support names the cluster
that it falls into, and a query takes the class of the nearest cluster that has a name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.common.neighbours import FARTHEST
from metabench.learners.on_embedding.base import on_embedding
from metabench.learners.on_embedding.partitions import Algorithm, centroids_of, seed_of
from metabench.learners.on_embedding.scikit import imported
from metabench.types import EpisodeShape


class Named(NamedTuple):
    """The clusters of an episode's supports."""

    centroids: jax.Array  # [supports, dimensions]
    labels: jax.Array  # one-hot [supports, way]


def cluster_matching(
    shape: EpisodeShape,
    *,
    embedding: str = "autoencoder",
    embedding_settings: dict[str, Any] | None = None,
    clusters: int = 500,
    algorithm: Algorithm = "lloyd",
) -> Learner:
    """The class of the nearest cluster that has a name.

    A cluster that supports of several classes fall into is as near to each of them.

    Args:
      shape: of the test episodes.
      embedding: a learner with `embed`, trained first.
      embedding_settings: its options; a run takes those of its recipe where they are not given.
      clusters: of the training images.
      algorithm: of k-means: `lloyd` or `minibatch`.
    """
    if clusters < 1:
        raise UserError(f"`clusters` is {clusters}; it must be at least 1")
    imported("sklearn.cluster")  # told before anything is trained

    def keep(features: np.ndarray, key: jax.Array) -> jax.Array:
        return jnp.asarray(centroids_of(features, clusters, seed_of(key), algorithm))

    def fit(kept: jax.Array, features: jax.Array, labels: jax.Array, key: jax.Array) -> Named:
        del key
        nearest = _squared_distances(features, kept).argmin(1)
        return Named(kept[nearest], jax.nn.one_hot(labels, shape.way))

    def score(named: Named, features: jax.Array) -> jax.Array:
        near = -_squared_distances(features, named.centroids)
        mine = named.labels[None] > 0
        lowest = near.min() + FARTHEST
        return jnp.where(mine, near[:, :, None], lowest).max(1)

    return on_embedding(shape, embedding, embedding_settings, fit, score, keep=keep, rows=clusters)


def _squared_distances(one: jax.Array, other: jax.Array) -> jax.Array:
    """[n, d] and [m, d] to [n, m]."""
    squares = jnp.square(one).sum(1)[:, None] + jnp.square(other).sum(1)[None]
    return squares - 2 * one @ other.T
