"""The sampler: exact, uniform, replayable.

The golden digest was made by, and may be renewed by

    python -m tests.tasks.test_episodes
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from metabench.seeds import root_key
from metabench.tasks.episodes import (
    episode_digest,
    sample,
    sample_batch,
    sample_index_batch,
    sample_indices,
)
from metabench.types import ClassTable, EpisodeShape, Pools

GOLDEN = "1266e150e4b013a73a8087c71833cdf25687129d8d4fc47d1c1b0e4f1bfe4938"
SHAPE = EpisodeShape(way=3, shot=2, query=2, image=(2, 2, 1))
COUNTS = (7, 4, 5, 4, 9, 4)  # of examples; class c's images hold the number of the image
UNLIKELY = 1e-4  # a uniform sampler fails a test once in 10,000 seeds, and the seed is fixed


def make_table(counts=COUNTS):
    """A class table of 10 columns and 40 images, whose padding points at an image of no class."""
    start = np.concatenate([[0], np.cumsum(counts)])
    members = np.full((len(counts), 10), 39, np.int32)
    for row, (first, number) in enumerate(zip(start, counts, strict=False)):
        members[row, :number] = first + np.arange(number)
    images = np.arange(40, dtype=np.uint8)[:, None, None, None]
    return ClassTable(
        images=jnp.asarray(np.broadcast_to(images, (40, 2, 2, 1))),
        members=jnp.asarray(members),
        counts=jnp.asarray(counts, jnp.int32),
        class_ids=jnp.arange(100, 100 + len(counts), dtype=jnp.int32),
    )


def class_of(image, counts=COUNTS):
    """The row of the class that an image index belongs to."""
    return np.searchsorted(np.cumsum(counts), image, side="right")


def digest():
    return episode_digest(7, make_table(), SHAPE, 300)


compiled = jax.jit(sample, static_argnums=3)
compiled_batch = jax.jit(sample_batch, static_argnames="shape")


@partial(jax.jit, static_argnames=("shape", "number"))
def many(table, shape, number):
    """Indices of the first episodes."""
    return sample_index_batch(root_key(1), jnp.arange(number), table, shape)


@pytest.fixture(scope="module")
def drawn():
    """Indices of 20,000 episodes."""
    return jax.tree.map(np.asarray, many(make_table(), SHAPE, 20_000))


def assert_uniform(values, categories):
    counts = np.bincount(np.ravel(values), minlength=categories)
    assert len(counts) == categories
    assert chisquare(counts).pvalue > UNLIKELY


def test_exactly_way_times_shot_and_query_of_each_label(drawn):
    np.testing.assert_array_equal(drawn.support_y, np.tile([0, 0, 1, 1, 2, 2], (20_000, 1)))
    np.testing.assert_array_equal(np.sort(drawn.query_y, axis=1), drawn.support_y)


def test_every_image_is_of_the_class_behind_its_label(drawn):
    for images, labels in ((drawn.support, drawn.support_y), (drawn.query, drawn.query_y)):
        behind = np.take_along_axis(drawn.classes, labels, axis=1)
        np.testing.assert_array_equal(class_of(images), behind)


def test_no_class_and_no_image_twice_in_an_episode(drawn):
    for drawn_together in (drawn.classes, np.concatenate([drawn.support, drawn.query], axis=1)):
        assert (np.diff(np.sort(drawn_together, axis=1), axis=1) > 0).all()


def test_padding_is_never_drawn_and_every_image_is(drawn):
    images = np.concatenate([drawn.support, drawn.query], axis=1)
    assert set(np.unique(images)) == set(range(sum(COUNTS)))


def test_classes_are_uniform_in_every_position(drawn):
    assert_uniform(drawn.classes, 6)
    for label in range(3):  # so neither the order of classes nor the labels say anything
        assert_uniform(drawn.classes[:, label], 6)


def test_ordered_pairs_of_classes_are_uniform(drawn):
    pairs = drawn.classes[:, 0] * 6 + drawn.classes[:, 1]
    counts = np.bincount(pairs, minlength=36).reshape(6, 6)
    assert (np.diag(counts) == 0).all()
    assert chisquare(counts[~np.eye(6, dtype=bool)]).pvalue > UNLIKELY


@pytest.mark.parametrize("row", range(6))
def test_examples_of_a_class_are_uniform_in_support_and_query(drawn, row):
    first = sum(COUNTS[:row])
    for images in (drawn.support, drawn.query):
        assert_uniform(images[class_of(images) == row] - first, COUNTS[row])


def test_orders_of_the_query_labels_are_uniform(drawn):
    codes = drawn.query_y @ 3 ** np.arange(6)
    _, counts = np.unique(codes, return_counts=True)
    assert len(counts) == 90  # 6! / 2!³
    assert chisquare(counts).pvalue > UNLIKELY


def test_queries_are_not_ordered_by_image_either(drawn):
    """Of the two queries of a label, either comes first equally often."""
    zero = drawn.query[drawn.query_y == 0].reshape(-1, 2)
    assert_uniform(zero[:, 0] < zero[:, 1], 2)


@given(st.lists(st.integers(4, 9), min_size=4, max_size=4), st.integers(0, 2**31 - 1))
@settings(max_examples=60, deadline=None)
def test_an_episode_of_any_index_and_counts_is_valid(counts, index):
    episode = compiled(root_key(0), index, make_table(counts), SHAPE)
    images = np.concatenate([episode.support_x, episode.query_x])[:, 0, 0, 0]
    labels = np.concatenate([episode.support_y, episode.query_y])
    assert len(set(images.tolist())) == 12
    assert images.max() < sum(counts)
    np.testing.assert_array_equal(episode.class_ids[labels], 100 + class_of(images, counts))


def test_all_classes_and_all_examples_can_be_used_up():
    table = make_table((4, 4, 4))
    found = jax.tree.map(np.asarray, many(table, SHAPE, 50))
    images = np.concatenate([found.support, found.query], axis=1)
    np.testing.assert_array_equal(np.sort(images, axis=1), np.tile(np.arange(12), (50, 1)))
    assert len({tuple(row) for row in found.classes.tolist()}) == 6


def test_an_episode_is_replayed_by_its_index_whatever_the_batch():
    table = make_table()
    batch = partial(compiled_batch, root_key(3), shape=SHAPE)
    whole = batch(jnp.arange(12), table=table)
    pieces = [batch(jnp.arange(first, first + 4), table=table) for first in (0, 4, 8)]
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *pieces)
    jax.tree.map(np.testing.assert_array_equal, whole, joined)
    alone = compiled(root_key(3), 7, table, SHAPE)
    jax.tree.map(np.testing.assert_array_equal, jax.tree.map(lambda leaf: leaf[7], whole), alone)


def test_classes_of_an_episode_come_from_one_pool():
    """Pools of two and of four classes, each pool as likely as the other."""
    members = jnp.array([[4, 1, 0, 0], [0, 2, 3, 5]], jnp.int32)
    table = make_table()._replace(pools=Pools(members, jnp.array([2, 4], jnp.int32)))
    shape = EpisodeShape(way=2, shot=2, query=2, image=(2, 2, 1))
    classes = np.asarray(many(table, shape, 20_000).classes)
    of_first = np.isin(classes, [1, 4])
    np.testing.assert_array_equal(of_first[:, 0], of_first[:, 1])
    assert_uniform(of_first[:, 0], 2)
    for pool in ([1, 4], [0, 2, 3, 5]):
        found = classes[np.isin(classes, pool).all(axis=1)]
        assert_uniform(np.searchsorted(pool, found[:, 0]), len(pool))
        assert (found[:, 0] != found[:, 1]).all()


def test_one_pool_of_all_classes_is_the_same_as_none():
    table = make_table()
    whole = Pools(jnp.arange(6, dtype=jnp.int32)[None], jnp.array([6], jnp.int32))
    found = many(table._replace(pools=whole), SHAPE, 50)
    jax.tree.map(np.testing.assert_array_equal, found, many(table, SHAPE, 50))


def test_fixed_episodes_are_taken_as_they_are():
    table = make_table()
    drawn = many(table, SHAPE, 5)
    fixed = table._replace(fixed=drawn)
    found, wanted = (
        compiled_batch(root_key(seed), jnp.array([3, 1]), given, SHAPE)
        for seed, given in ((9, fixed), (1, table))
    )
    jax.tree.map(np.testing.assert_array_equal, found, wanted)
    alone = compiled(root_key(9), 3, fixed, SHAPE)
    np.testing.assert_array_equal(alone.query_x, wanted.query_x[0])


def test_seeds_and_indices_give_different_episodes():
    table = make_table()
    found = [compiled(root_key(s), i, table, SHAPE) for s in (0, 1) for i in (0, 1)]
    assert len({np.concatenate([e.support_x, e.query_x]).tobytes() for e in found}) == 4


def test_images_stay_uint8_and_are_those_of_the_indices():
    table = make_table()
    indices = jax.jit(sample_indices, static_argnums=3)(root_key(0), 5, table, SHAPE)
    episode = compiled(root_key(0), 5, table, SHAPE)
    assert episode.support_x.shape == (6, 2, 2, 1)
    assert episode.support_x.dtype == episode.query_x.dtype == jnp.uint8
    np.testing.assert_array_equal(episode.query_x[:, 1, 1, 0], indices.query)
    np.testing.assert_array_equal(episode.class_ids, 100 + indices.classes)


def test_digest_is_the_golden_one():
    assert digest() == GOLDEN


def test_digest_tells_seed_table_shape_and_number_apart():
    table = make_table()
    other = table._replace(class_ids=table.class_ids + 1)
    found = [
        episode_digest(0, table, SHAPE, 5),
        episode_digest(1, table, SHAPE, 5),
        episode_digest(0, other, SHAPE, 5),
        episode_digest(0, table, EpisodeShape(2, 2, 2, (2, 2, 1)), 5),
        episode_digest(0, table, SHAPE, 6),
    ]
    assert len(set(found)) == 5


if __name__ == "__main__":
    print(digest())
