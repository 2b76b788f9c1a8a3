"""Pseudo-classes of images: clusters of whitened features, none of which is empty.

All of it runs inside jit, in the middle of a training. After Caron et al. 2018, section 3.2:
features are reduced by principal components, whitened and made unit vectors, then k-means.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.learners.common.neighbours import unit

DAMPING = 1e-3  # of the mean variance, added to each, so that directions without any stay small
APART = 1e-3  # the first distance between the halves of a split cluster


class Whitening(NamedTuple):
    """A linear map of features to uncorrelated numbers of about equal variance."""

    mean: jax.Array  # [features]
    matrix: jax.Array  # [features, components]

    def __call__(self, features: jax.Array) -> jax.Array:
        """[n, features] to unit vectors [n, components]."""
        return unit((features - self.mean[None]) @ self.matrix)


class Clusters(NamedTuple):
    """The centroids, and each cluster's share of the images."""

    centroids: jax.Array  # [clusters, components]
    shares: jax.Array  # [clusters], sum 1

    def nearest(self, vectors: jax.Array) -> jax.Array:
        """The cluster of each vector: [n, components] to int32 [n]."""
        return nearest(self.centroids, vectors)


def whitening(features: jax.Array, components: int) -> Whitening:
    """The whitening of `features` [n, features], on `components` directions of largest variance."""
    mean = features.mean(0)
    centred = features - mean[None]
    variances, directions = jnp.linalg.eigh(centred.T @ centred / features.shape[0])
    damped = variances + DAMPING * variances.mean() + 1e-12
    matrix = directions * jax.lax.rsqrt(damped)[None]
    return Whitening(mean, matrix[:, ::-1][:, :components])


def nearest(centroids: jax.Array, vectors: jax.Array) -> jax.Array:
    """Index of the centroid at the smallest distance: int32 [n]."""
    nearness = 2 * vectors @ centroids.T - jnp.square(centroids).sum(-1)[None]
    return nearness.argmax(-1).astype(jnp.int32)


def k_means(key: jax.Array, vectors: jax.Array, clusters: int, rounds: int) -> Clusters:
    """Lloyd's algorithm after k-means++; an empty cluster gets half of a large one.

    Args:
      key: of the first centroids, and of how clusters are split.
      vectors: [n, components], at least as many as clusters.
      clusters: their number.
      rounds: of assigning all vectors and moving all centroids.
    """
    begin, split = jax.random.split(key)

    def one(centroids: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        counts, means = _moved(centroids, vectors)
        return split_large(key, counts, means), None

    centroids, _ = jax.lax.scan(
        one, spread_out(begin, vectors, clusters), jax.random.split(split, rounds)
    )
    counts, _ = _moved(centroids, vectors)
    return Clusters(centroids, counts / vectors.shape[0])


def spread_out(key: jax.Array, vectors: jax.Array, number: int) -> jax.Array:
    """k-means++: `number` of `vectors`, each drawn by its squared distance to the earlier ones.

    Arthur & Vassilvitskii 2007, section 2.2. [n, components] to [number, components].
    """

    def one(distance: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        chosen = vectors[jax.random.categorical(key, jnp.log(distance))]
        apart = jnp.square(vectors - chosen[None]).sum(-1)
        return jnp.minimum(distance, apart), chosen

    anywhere = jnp.ones(vectors.shape[0], vectors.dtype)
    return jax.lax.scan(one, 1e6 * anywhere, jax.random.split(key, number))[1]


def split_large(key: jax.Array, counts: jax.Array, centroids: jax.Array) -> jax.Array:
    """Centroids after each empty one has moved beside a large one.

    Args:
      key: of the directions in which clusters are split.
      counts: members of each cluster, [clusters]; centroids with 0 members are moved.
      centroids: [clusters, components].
    """
    empty = counts == 0
    place = jnp.cumsum(empty) - 1  # of an empty cluster among the empty ones
    donors = jnp.argsort(-counts)[jnp.maximum(place, 0)]
    step = APART * jax.random.normal(key, centroids.shape)
    taken = jnp.where(empty[:, None], centroids[donors] + step, centroids)
    given = jnp.zeros_like(centroids).at[donors].add(jnp.where(empty[:, None], step, 0))
    return taken - given


def _moved(centroids: jax.Array, vectors: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Members of each cluster [clusters], and their means [clusters, components]."""
    member = jax.nn.one_hot(nearest(centroids, vectors), centroids.shape[0])
    counts = member.sum(0)
    return counts, member.T @ vectors / jnp.maximum(counts, 1)[:, None]
