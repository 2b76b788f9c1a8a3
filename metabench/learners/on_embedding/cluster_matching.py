"""Cluster matching: an embedding's clusters, named by the supports (Hsu, Levine & Finn 2019).

k-means clusters the unlabelled training images once. In an episode each support names the cluster
that it falls into, and a query takes the class of the nearest cluster that has a name.
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
    """The clusters of an episode's supports."""

    centroids: jax.Array  # [supports, dimensions]
    labels: jax.Array  # one-hot [supports, way]


@with_options
def cluster_matching(
    shape: EpisodeShape,
    *,
    source: Embedding = Embedding(),
    k_means: KMeans = KMeans(),
) -> EpisodeLearner:
    """The class of the nearest cluster that has a name.

    A cluster with supports of several classes is equally near to each of these classes.

    Args:
      shape: of the test episodes.
      source: the learner whose embedding the classifier is fitted to.
      k_means: how the training images are clustered.
    """
    imported("sklearn.cluster")  # raises before anything is trained
    clusters = k_means.clusters

    def keep(features: np.ndarray, key: jax.Array) -> jax.Array:
        return jnp.asarray(centroids_of(features, clusters, seed_of(key), k_means.algorithm))

    def fit(kept: jax.Array, features: jax.Array, labels: jax.Array, key: jax.Array) -> Named:
        del key
        nearest = _squared_distances(features, kept).argmin(1)
        return Named(kept[nearest], jax.nn.one_hot(labels, shape.way))

    def score(named: Named, features: jax.Array) -> jax.Array:
        near = -_squared_distances(features, named.centroids)
        mine = named.labels[None] > 0
        lowest = near.min() + FARTHEST
        return jnp.where(mine, near[:, :, None], lowest).max(1)

    return on_embedding(shape, source, fit, score, keep=keep, rows=clusters)


def _squared_distances(one: jax.Array, other: jax.Array) -> jax.Array:
    """[n, d] and [m, d] to [n, m]."""
    squares = jnp.square(one).sum(1)[:, None] + jnp.square(other).sum(1)[None]
    return squares - 2 * one @ other.T
