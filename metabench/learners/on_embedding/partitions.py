"""Partitions of images by k-means on their features, as classes to draw episodes from.

After Hsu, Levine & Finn 2019, section 2.3: there are several partitions of the same images, each
with the dimensions of the features scaled at random. Each partition is a set of classes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.options import Count, Options
from metabench.errors import UserError
from metabench.learners.on_embedding.scikit import unit_rows
from metabench.optional import imported
from metabench.types import ClassTable, Pools

Algorithm = Literal["lloyd", "minibatch"]
BATCH = 4096  # of mini-batch k-means
PASSES = 5  # of mini-batch k-means over all images, at most
DAMPING = 1e-6  # of the largest variance: directions with less count as having so much


@dataclass(frozen=True)
class KMeans(Options):
    """Options of a clustering.

    Args:
      clusters: number of clusters in a partition.
      algorithm: `lloyd`, or `minibatch`, which takes much less time on many images.
    """

    clusters: Count = 500
    algorithm: Algorithm = "lloyd"


def partitions_of(
    features: np.ndarray, number: int, clusters: int, seed: int, algorithm: Algorithm = "lloyd"
) -> np.ndarray:
    """k-means from k-means++, `number` times, in parallel: the cluster of each image.

    The first partition is of the unscaled features; before each other one, every dimension is
    multiplied by a number drawn from U(0, 1).

    Args:
      features: float [images, dimensions].
      number: of partitions.
      clusters: in each.
      seed: of scales and first centroids.
      algorithm: `lloyd` until it has converged, or `minibatch` (Sculley 2010), which takes much
        less time on many images.

    Returns:
      int32 [number, images].

    Raises:
      UserError: fewer images than clusters, or scikit-learn is missing.
    """
    _check(features, clusters)
    joblib, cluster = imported("joblib"), imported("sklearn.cluster")
    dimensions = features.shape[1]

    def one(index: int) -> np.ndarray:
        random = np.random.default_rng((seed, index))
        scale = random.random(dimensions) if index else np.ones(dimensions)
        scaled = np.asarray(features * scale, np.float32)
        method = _method(cluster, clusters, algorithm, int(random.integers(2**31)))
        return np.asarray(method.fit_predict(scaled), np.int32)

    # One thread for each partition; with more of them, sums would depend on timing.
    with imported("threadpoolctl").threadpool_limits(1):
        work = joblib.Parallel(n_jobs=min(number, os.cpu_count() or 1), prefer="threads")
        return np.stack(work(joblib.delayed(one)(index) for index in range(number)))


def whitened(features: np.ndarray, components: int) -> np.ndarray:
    """Principal components of equal variance, as vectors of length 1.

    As Caron, Bojanowski, Joulin & Douze 2018 prepare features for clustering (256 components).

    Args:
      features: float [images, dimensions].
      components: those of largest variance; at most as many as there are dimensions.

    Returns:
      float32 [images, components].
    """
    centred = np.asarray(features, np.float64) - features.mean(0, keepdims=True)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    damped = np.maximum(variances, DAMPING * variances[-1]) + np.finfo(np.float64).tiny
    matrix = (directions / np.sqrt(damped))[:, ::-1][:, :components]
    return np.asarray(unit_rows(centred @ matrix), np.float32)


def centroids_of(
    features: np.ndarray, clusters: int, seed: int, algorithm: Algorithm = "lloyd"
) -> np.ndarray:
    """The centroids of one partition of the unscaled features: [clusters, dimensions].

    Raises:
      UserError: as `partitions_of`.
    """
    _check(features, clusters)
    cluster = imported("sklearn.cluster")
    with imported("threadpoolctl").threadpool_limits(1):
        method = _method(cluster, clusters, algorithm, seed)
        return np.asarray(method.fit(np.asarray(features, np.float32)).cluster_centers_)


def seed_of(key: jax.Array) -> int:
    """A seed for random numbers on the host."""
    return int(jax.random.randint(key, (), 0, 2**31 - 1))


def _check(features: np.ndarray, clusters: int) -> None:
    if clusters > features.shape[0]:
        raise UserError(
            f"`clusters` is {clusters}, but there are {features.shape[0]} images to cluster"
        )


def _method(cluster: Any, clusters: int, algorithm: Algorithm, seed: int) -> Any:
    if algorithm == "lloyd":
        return cluster.KMeans(clusters, n_init=1, random_state=seed)
    return cluster.MiniBatchKMeans(
        clusters, n_init=1, batch_size=BATCH, max_iter=PASSES, random_state=seed
    )


def constructed(images: jax.Array, found: np.ndarray, least: int, way: int) -> ClassTable:
    """Clusters as classes; all classes of an episode come from one partition.

    Args:
      images: uint8 [images, height, width, channels].
      found: the cluster of each image in each partition, int [partitions, images].
      least: clusters with fewer images are left out.
      way: classes that every partition must have.

    Raises:
      UserError: a partition has fewer.
    """
    groups = [_large(row, least) for row in found]
    numbers = [len(group) for group in groups]
    if min(numbers) < way:
        raise UserError(
            f"a partition has {min(numbers)} clusters of at least {least} images, but a training "
            f"episode takes {way}: lower `train_way`, `train_query` or `clusters` of the learner"
        )
    clusters = [cluster for group in groups for cluster in group]
    counts = np.array([len(cluster) for cluster in clusters], np.int32)
    members = np.stack([np.resize(cluster, counts.max()) for cluster in clusters])
    first = np.cumsum([0, *numbers[:-1]])
    pools = np.stack(
        [
            np.resize(np.arange(n) + start, max(numbers))
            for n, start in zip(numbers, first, strict=True)
        ]
    )
    return ClassTable(
        images=images,
        members=jnp.asarray(members, jnp.int32),
        counts=jnp.asarray(counts),
        class_ids=jnp.arange(len(clusters), dtype=jnp.int32),
        pools=Pools(jnp.asarray(pools, jnp.int32), jnp.asarray(numbers, jnp.int32)),
    )


def _large(labels: np.ndarray, least: int) -> list[np.ndarray]:
    """The images of each cluster that has at least `least` of them."""
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return [part for part in parts if len(part) >= least]
