"""k-means finds groups that are there, partitions differ, and clusters become classes."""

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.on_embedding.partitions import constructed, partitions_of, whitened
from metabench.seeds import root_key
from metabench.tasks.episodes import sample_index_batch
from metabench.types import EpisodeShape

pytestmark = pytest.mark.slow

GROUPS, EACH = 6, 20


@pytest.fixture(scope="module")
def features():
    """Six groups of points, far apart, in random order: features and the group of each."""
    random = np.random.default_rng(0)
    centres = 20 * random.normal(size=(GROUPS, 5))
    group = random.permutation(np.repeat(np.arange(GROUPS), EACH))
    return (centres[group] + random.normal(size=(len(group), 5))).astype(np.float32), group


def same_sets(labels, group):
    """Whether both tell the same images apart."""
    return len({*zip(labels, group, strict=True)}) == len({*labels}) == len({*group})


@pytest.mark.parametrize("algorithm", ["lloyd", "minibatch"])
def test_groups_that_are_there_are_found(features, algorithm):
    # Of several first centroids some are unlucky: the best of the partitions must be right.
    found = partitions_of(features[0], 8, GROUPS, seed=0, algorithm=algorithm)
    assert found.dtype == np.int32
    assert found.shape == (8, GROUPS * EACH)
    assert any(same_sets(row, features[1]) for row in found)


def test_partitions_are_a_function_of_the_seed_and_differ(features):
    one, again = (partitions_of(features[0], 4, 10, seed=3) for _ in range(2))
    other = partitions_of(features[0], 4, 10, seed=4)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not any(same_sets(one[0], row) for row in one[1:])


def test_a_dimension_scaled_away_tells_nothing():
    # Two dimensions, each telling two groups; a partition scaled unevenly goes by one of them.
    corners = np.array([[0, 0], [0, 10], [10, 0], [10, 10]], np.float32).repeat(5, axis=0)
    found = partitions_of(corners, 30, 2, seed=0)[1:]
    first, second = (sum(same_sets(row, corners[:, d]) for row in found) for d in (0, 1))
    assert first > 5
    assert second > 5


def test_whitened_components_are_uncorrelated_of_equal_variance_and_of_length_one():
    random = np.random.default_rng(0)
    mixed = random.normal(size=(4000, 3)) * [100, 10, 1] + [5, 0, 0]
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    features = np.pad(mixed @ turn, ((0, 0), (0, 2)))  # two dimensions in which nothing happens
    found = whitened(features.astype(np.float32), 3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(3 * found.T @ found / 4000, np.eye(3), atol=0.06)
    assert whitened(features, 2).shape == (4000, 2)
    assert np.isfinite(whitened(features, 9)).all()
    assert whitened(features, 9).shape == (4000, 5)


def test_clusters_become_classes_without_the_small_ones():
    found = np.array([[0, 0, 1, 1, 1, 2, 2], [1, 1, 1, 0, 0, 0, 0]])
    images = jnp.arange(7, dtype=jnp.uint8)[:, None, None, None]
    table = constructed(images, found, least=3, way=1)
    rows = [
        sorted(row[:count].tolist())
        for row, count in zip(np.asarray(table.members), np.asarray(table.counts), strict=True)
    ]
    assert rows == [[2, 3, 4], [3, 4, 5, 6], [0, 1, 2]]
    assert table.pools.counts.tolist() == [1, 2]
    assert table.pools.members[0, 0] == 0
    assert sorted(table.pools.members[1].tolist()) == [1, 2]


def test_the_classes_of_an_episode_come_from_one_partition(features):
    found = partitions_of(features[0], 5, 4, seed=0)
    images = jnp.zeros((len(features[0]), 1, 1, 1), jnp.uint8)
    table = constructed(images, found, least=4, way=3)
    shape = EpisodeShape(3, 1, 3, (1, 1, 1))
    drawn = sample_index_batch(root_key(0), jnp.arange(50), table, shape)
    pool = np.zeros(len(table.counts), int)
    for number, (row, count) in enumerate(zip(*table.pools, strict=True)):
        pool[np.asarray(row[:count])] = number
    partition = pool[np.asarray(drawn.classes)]
    assert (partition == partition[:, :1]).all()
    assert len({*partition[:, 0]}) == 5
    # Every image of a class is one that this partition put into one cluster.
    for episode in range(50):
        labels = found[partition[episode, 0]]
        for label in range(3):
            mine = np.asarray(drawn.query[episode])[np.asarray(drawn.query_y[episode]) == label]
            assert len({*labels[mine]}) == 1


def test_what_cannot_be_partitioned_is_refused(features):
    with pytest.raises(UserError, match="`clusters` is 121, but there are 120 images"):
        partitions_of(features[0], 1, 121, seed=0)
    images = jnp.zeros((120, 1, 1, 1), jnp.uint8)
    found = partitions_of(features[0], 2, 30, seed=0)
    with pytest.raises(UserError, match="clusters of at least 100 images, but a training episode"):
        constructed(images, found, least=100, way=2)
