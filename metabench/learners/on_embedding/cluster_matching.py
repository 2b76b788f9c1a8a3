"""Cluster matching: an embedding's clusters, named by the supports (Hsu, Levine & Finn 2019).

k-means clusters the unlabelled training images once. In an episode the supports that fall into a
cluster vote on its class, and a query takes the class of the nearest cluster that has one.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import with_options
from metabench.learners.common.neighbours import FARTHEST
from metabench.learners.on_embedding.base import Embedding, on_embedding
from metabench.learners.on_embedding.partitions import KMeans, centroids_of, seed_of
from metabench.optional import imported
from metabench.types import EpisodeShape


class Named(NamedTuple):
    """The cluster of each support of an episode."""

    centroids: jax.Array  # [supports, dimensions]
    classes: jax.Array  # bool [supports, way]: of most supports in that cluster


@with_options
def cluster_matching(
    shape: EpisodeShape,
    *,
    source: Embedding = Embedding(),
    k_means: KMeans = KMeans(),
) -> EpisodeLearner:
    """The class of the nearest cluster that holds a support.

    The class of most supports in a cluster is the cluster's class. Where several classes have
    equally many, the cluster is equally near to each of them.

    Args:
      shape: of the test episodes.
      source: the learner whose embedding the classifier is fitted to.
      k_means: how the training images are clustered.

    Reference: https://arxiv.org/abs/1810.02334
    """
    imported("sklearn.cluster")  # raises before anything is trained
    clusters = k_means.clusters

    def keep(features: np.ndarray, key: jax.Array) -> jax.Array:
        return jnp.asarray(centroids_of(features, clusters, seed_of(key), k_means.algorithm))

    def fit(kept: jax.Array, features: jax.Array, labels: jax.Array, key: jax.Array) -> Named:
        del key
        nearest = _squared_distances(features, kept).argmin(1)
        return Named(kept[nearest], majority(nearest, labels, shape.way))

    def score(named: Named, features: jax.Array) -> jax.Array:
        near = -_squared_distances(features, named.centroids)
        lowest = near.min() + FARTHEST
        return jnp.where(named.classes[None], near[:, :, None], lowest).max(1)

    return on_embedding(shape, source, fit, score, keep=keep, rows=clusters)


def majority(nearest: jax.Array, labels: jax.Array, way: int) -> jax.Array:
    """Whether a class has the most supports in the cluster of each support: bool [supports, way].

    Args:
      nearest: the cluster of each support, int [supports].
      labels: int [supports].
      way: number of classes.
    """
    together = nearest[:, None] == nearest[None]
    votes = together.astype(jnp.float32) @ jax.nn.one_hot(labels, way)
    return votes == votes.max(1, keepdims=True)


def _squared_distances(one: jax.Array, other: jax.Array) -> jax.Array:
    """[n, d] and [m, d] to [n, m]."""
    squares = jnp.square(one).sum(1)[:, None] + jnp.square(other).sum(1)[None]
    return squares - 2 * one @ other.T
