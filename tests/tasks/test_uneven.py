"""Uneven episodes: their totals are fixed, the numbers of each class are uniform.

The golden digest was made by, and may be renewed by

    python -m tests.tasks.test_uneven
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from metabench.seeds import root_key
from metabench.tasks.episodes import episode_digest, sample, sample_batch, sample_index_batch
from metabench.tasks.uneven import number_words, numbers
from metabench.types import ClassTable, EpisodeShape

GOLDEN = "84d4bc2461b7b3815d3d44675d91931c0e7240aa65b192a8306baec5c389adf0"
SHAPE = EpisodeShape(way=5, shot=2, query=3, image=(2, 2, 1), shot_spread=1, query_spread=2)
CLASSES, EXAMPLES = 7, 8
UNLIKELY = 1e-4  # a uniform sampler fails a test once in 10,000 seeds, and the seed is fixed
EPISODES = 5_000


def make_table():
    """A class table in which class c has the images 8c … 8c + 7."""
    images = np.arange(CLASSES * EXAMPLES, dtype=np.uint8)
    return ClassTable(
        images=jnp.asarray(np.broadcast_to(images[:, None, None, None], (len(images), 2, 2, 1))),
        members=jnp.asarray(images.reshape(CLASSES, EXAMPLES), jnp.int32),
        counts=jnp.full(CLASSES, EXAMPLES, jnp.int32),
        class_ids=jnp.arange(100, 100 + CLASSES, dtype=jnp.int32),
    )


def digest():
    return episode_digest(7, make_table(), SHAPE, 300)


indices_of = jax.jit(sample_index_batch, static_argnames="shape")


@pytest.fixture(scope="module")
def drawn():
    """Indices of the first episodes."""
    found = indices_of(root_key(1), jnp.arange(EPISODES), make_table(), SHAPE)
    return jax.tree.map(np.asarray, found)


def counted(labels):
    """How many images each class of an episode has: [episodes, way]."""
    return (labels[:, :, None] == np.arange(SHAPE.way)).sum(1)


def assert_uniform(values, categories):
    assert chisquare(np.bincount(values, minlength=categories)).pvalue > UNLIKELY


def test_totals_hold_and_arrays_keep_their_shapes(drawn):
    assert drawn.support.shape == drawn.support_y.shape == (EPISODES, SHAPE.supports)
    assert drawn.query.shape == drawn.query_y.shape == (EPISODES, SHAPE.queries)
    np.testing.assert_array_equal(counted(drawn.support_y).sum(1), SHAPE.supports)
    np.testing.assert_array_equal(counted(drawn.query_y).sum(1), SHAPE.queries)


@pytest.mark.parametrize(("field", "low", "high"), [("support_y", 1, 3), ("query_y", 1, 5)])
def test_the_number_of_each_class_is_uniform_between_the_ends(drawn, field, low, high):
    found = counted(getattr(drawn, field))
    assert (found.min(), found.max()) == (low, high)
    for label in range(SHAPE.way):
        assert_uniform(found[:, label] - low, high - low + 1)


def test_numbers_of_supports_and_of_queries_do_not_go_together(drawn):
    together = np.corrcoef(counted(drawn.support_y)[:, 0], counted(drawn.query_y)[:, 0])[0, 1]
    assert abs(together) < 4 / np.sqrt(EPISODES)


def test_any_two_classes_may_be_a_pair(drawn):
    # In a pair the sum is fixed, so all pairs of labels go against each other equally.
    found = np.corrcoef(counted(drawn.query_y).T)
    others = found[~np.eye(SHAPE.way, dtype=bool)]
    assert np.abs(others + 1 / (SHAPE.way - 1)).max() < 4 / np.sqrt(EPISODES)


def test_every_image_is_of_the_class_behind_its_label(drawn):
    for images, labels in ((drawn.support, drawn.support_y), (drawn.query, drawn.query_y)):
        behind = np.take_along_axis(drawn.classes, labels, axis=1)
        np.testing.assert_array_equal(images // EXAMPLES, behind)


def test_no_image_is_both_support_and_query(drawn):
    together = np.sort(np.concatenate([drawn.support, drawn.query], axis=1), axis=1)
    assert (np.diff(together, axis=1) > 0).all()


def test_supports_are_ordered_by_label_and_queries_are_not(drawn):
    assert (np.diff(drawn.support_y, axis=1) >= 0).all()
    # The label of the first query is uniform: a class has a fifth of all queries on average.
    for place in (0, SHAPE.queries - 1):
        assert_uniform(drawn.query_y[:, place], SHAPE.way)


def test_every_example_of_a_class_may_come(drawn):
    for images in (drawn.support, drawn.query):
        assert_uniform(images[images // EXAMPLES == 3] % EXAMPLES, EXAMPLES)


@pytest.mark.parametrize(("way", "spread"), [(2, 1), (3, 2), (3, 7), (4, 2), (20, 7)])
def test_numbers_for_any_way_and_spread(way, spread):
    words = jax.random.bits(root_key(way), (number_words(way, spread), 2_000), jnp.uint32)
    draw = jax.jit(numbers, static_argnums=(1, 2, 3))
    found = np.asarray(draw(words, way, spread + 1, spread))
    np.testing.assert_array_equal(found.sum(0), way * (spread + 1))
    assert_uniform(found[0] - 1, 2 * spread + 1)
    assert_uniform(found[-1] - 1, 2 * spread + 1)
    assert (found.min(), found.max()) == (1, 2 * spread + 1)


def test_one_side_alone_may_be_uneven():
    shape = EpisodeShape(way=5, shot=2, query=3, image=(2, 2, 1), query_spread=1)
    batch = indices_of(root_key(1), jnp.arange(50), make_table(), shape)
    found = jax.tree.map(np.asarray, batch)
    np.testing.assert_array_equal(counted(found.support_y), 2)
    assert set(np.unique(counted(found.query_y))) == {2, 3, 4}


def test_an_episode_depends_on_its_index_alone():
    batch = jax.jit(sample_batch, static_argnames="shape")
    many = batch(root_key(3), jnp.array([4, 11]), make_table(), SHAPE)
    alone = jax.jit(partial(sample, shape=SHAPE))(root_key(3), 11, make_table())
    jax.tree.map(lambda one, all_: np.testing.assert_array_equal(one, all_[1]), alone, many)


def test_digest_is_pinned():
    assert digest() == GOLDEN


if __name__ == "__main__":
    print(f'GOLDEN = "{digest()}"')
