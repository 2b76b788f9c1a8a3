"""Relation Networks: sums of supports, squared errors of scores, running statistics of pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.errors import UserError
from metabench.learners.metric.relation import RelationHead, relation, relation_error
from metabench.types import Episode, EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=2, shot=1, query=2, image=(16, 16, 1))


def test_a_class_is_the_sum_of_its_support_maps():
    support = jnp.arange(16.0).reshape(4, 2, 2, 1)
    found = RelationHead(nnx.Linear(1, 1, rngs=nnx.Rngs(0))).summarise(
        support, jnp.asarray([1, 0, 1, 0]), way=2
    )
    sums = jnp.stack([support[1] + support[3], support[0] + support[2]])
    np.testing.assert_array_equal(found, sums)


def test_sums_of_unequal_numbers_of_supports_are_scaled_to_the_mean_number():
    support = jnp.arange(16.0).reshape(4, 2, 2, 1)
    found = RelationHead(nnx.Linear(1, 1, rngs=nnx.Rngs(0))).summarise(
        support, jnp.asarray([1, 0, 1, 1]), way=2
    )
    means = jnp.stack([support[1], (support[0] + support[2] + support[3]) / 3])
    np.testing.assert_allclose(found, 2 * means, rtol=1e-6)  # two supports of a class on average


def test_the_error_is_squared_and_of_scores_between_0_and_1():
    found = relation_error(jnp.asarray([[2.0, -1.0], [0.0, 0.0]]), jnp.asarray([0, 1]))
    one, other = 1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(1.0))
    np.testing.assert_allclose(found, [((1 - one) ** 2 + other**2) / 2, 0.25], rtol=1e-5)


def episodes():
    return Episode(
        support_x=jax.random.bits(jax.random.key(1), (1, 2, 16, 16, 1), jnp.uint8),
        support_y=jnp.asarray([[0, 1]]),
        query_x=jax.random.bits(jax.random.key(2), (1, 4, 16, 16, 1), jnp.uint8),
        query_y=jnp.asarray([[1, 0, 0, 1]]),
        class_ids=jnp.asarray([[4, 6]]),
    )


def test_training_moves_the_running_statistics_of_the_relation_module_too():
    learner = relation(SHAPE, width=4)
    state = jax.jit(learner.init)(jax.random.key(0))
    after, _ = jax.jit(learner.training.step)(state, episodes(), jax.random.key(0))
    moved = jax.tree.map(lambda a, b: bool(np.abs(a - b).max() > 1e-4), state.stats, after.stats)
    assert set(moved) == {"backbone", "head"}
    assert all(jax.tree.leaves(moved))


@pytest.mark.parametrize("norm", ["running", "batch", "group"])
def test_only_batch_statistics_are_transductive(norm):
    assert relation(SHAPE, norm=norm).transductive == (norm == "batch")


def test_training_shape():
    assert relation(SHAPE).training.shape is None
    found = relation(SHAPE, train_way=20, train_shot=2, train_query=3).training.shape
    assert (found.way, found.shot, found.query) == (20, 2, 3)


@pytest.mark.parametrize(
    ("shape", "options", "sentence"),
    [
        (SHAPE, {"units": 0}, "`units` is 0; it must be at least 1"),
        (SHAPE, {"norm": "bach"}, "`norm` is 'bach'"),
        (EpisodeShape(5, 1, 5, (14, 14, 1)), {}, "`image_size` is 14; .* 16 or more"),
    ],
)
def test_wrong_options(shape, options, sentence):
    with pytest.raises(UserError, match=sentence):
        relation(shape, **options)
