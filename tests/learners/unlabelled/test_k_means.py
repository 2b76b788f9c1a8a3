"""Pseudo-labels: whitening and k-means against numpy, and no cluster that stays empty."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.learners.unlabelled.k_means import Clusters, k_means, nearest, split_large, whitening


def blobs(centres, each, spread=0.05):
    draws = np.random.default_rng(0).normal(size=(len(centres), each, 2))
    points = np.asarray(centres)[:, None] + spread * draws
    return jnp.asarray(points.reshape(-1, 2), "f4"), np.repeat(np.arange(len(centres)), each)


def test_whitened_numbers_are_uncorrelated_and_of_equal_variance():
    draws = np.random.default_rng(0).normal(size=(500, 3))
    mixed = jnp.asarray(draws @ [[2.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.3, 0.0, 1.0]] + 5, "f4")
    found = whitening(mixed, 3)
    flat = np.asarray((mixed - found.mean[None]) @ found.matrix)
    np.testing.assert_allclose(np.cov(flat.T), np.eye(3), atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(found(mixed), axis=1), 1, rtol=1e-5)


def test_the_directions_of_largest_variance_are_kept():
    draws = np.random.default_rng(0).normal(size=(500, 3)) * [0.1, 3.0, 1.0]
    matrix = np.abs(np.asarray(whitening(jnp.asarray(draws, "f4"), 2).matrix))
    assert (matrix.argmax(0) == [1, 2]).all()


def test_features_that_never_vary_do_not_blow_up():
    features = jnp.zeros((8, 3)).at[:, 0].set(jnp.arange(8.0))
    assert jnp.isfinite(whitening(features, 3)(features)).all()


def test_the_nearest_centroid_by_loops():
    draws = np.random.default_rng(0)
    centroids, vectors = draws.normal(size=(7, 4)), draws.normal(size=(20, 4))
    expected = [np.square(centroids - v).sum(1).argmin() for v in vectors]
    np.testing.assert_array_equal(nearest(*map(jnp.asarray, (centroids, vectors))), expected)


def test_k_means_finds_blobs():
    vectors, truth = blobs([(0, 0), (4, 0), (0, 4), (4, 4)], 30)
    found = k_means(jax.random.key(1), vectors, 4, 10)
    labels = np.asarray(found.nearest(vectors))
    assert len({(a, b) for a, b in zip(labels.tolist(), truth.tolist(), strict=True)}) == 4
    np.testing.assert_allclose(found.shares, 0.25)


@pytest.mark.parametrize("seed", range(3))
def test_no_cluster_is_empty(seed):
    """Twenty clusters begin at images of which most are of one blob."""
    vectors, _ = blobs([(0, 0)] * 9 + [(50, 50)], 12)
    found = k_means(jax.random.key(seed), vectors, 20, 10)
    assert (np.bincount(found.nearest(vectors), minlength=20) > 0).all()
    np.testing.assert_allclose(found.shares.sum(), 1, rtol=1e-6)


def test_an_empty_cluster_takes_half_of_the_largest_and_the_next_of_the_second():
    vectors, _ = blobs([(0, 0), (4, 0)], 40)
    counts = jnp.asarray([0.0, 40.0, 0.0, 39.0])
    centroids = jnp.asarray([[9.0, 9.0], [0.0, 0.0], [9.0, 9.0], [4.0, 0.0]])
    moved = split_large(jax.random.key(0), counts, centroids)
    np.testing.assert_allclose(moved[0] + moved[1], 2 * centroids[1], atol=1e-6)
    np.testing.assert_allclose(moved[2] + moved[3], 2 * centroids[3], atol=1e-6)
    members = np.bincount(nearest(moved, vectors), minlength=4)
    assert (members > 8).all()


def test_where_none_is_empty_nothing_moves():
    centroids = jnp.asarray([[0.0, 1.0], [2.0, 3.0]])
    found = split_large(jax.random.key(0), jnp.asarray([3.0, 1.0]), centroids)
    np.testing.assert_array_equal(found, centroids)


def test_clusters_name_the_nearest():
    clusters = Clusters(jnp.asarray([[1.0, 0.0], [0.0, 1.0]]), jnp.asarray([0.5, 0.5]))
    np.testing.assert_array_equal(clusters.nearest(jnp.asarray([[0.1, 0.9], [0.9, 0.1]])), [1, 0])
