"""Siamese networks: a pair's probability by hand, balanced pairs, the likeliest support."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.errors import UserError
from metabench.learners.metric.siamese import PairHead, Supports, pair_error, siamese
from metabench.types import Episode, EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=2, shot=5, query=3)


def test_a_pairs_logit_is_a_weighted_l1_distance():
    head = PairHead(2, 3, nnx.Rngs(0))
    head.weights[...] = jnp.asarray([-1.0, -2.0, 0.5])
    head.bias[...] = jnp.asarray(0.25)
    support, query = jnp.asarray([[1.0, -1.0], [0.0, 2.0]]), jnp.asarray([[0.5, 0.5]])
    twins = [np.asarray(jax.nn.sigmoid(head.layer(x))) for x in (support, query)]
    found = head.score(head.summarise(support, jnp.asarray([1, 0]), way=2), query)
    by_hand = [np.abs(twins[1][0] - twins[0][k]) @ [-1.0, -2.0, 0.5] + 0.25 for k in (1, 0)]
    np.testing.assert_allclose(found[0], by_hand, rtol=1e-5)


def test_the_likeliest_support_of_a_class_decides():
    head = PairHead(1, 1, nnx.Rngs(0))
    twin = jax.nn.sigmoid(head.layer(jnp.asarray([[0.3]])))
    supports = Supports(
        jnp.concatenate([twin, twin + 0.5, twin + 0.1]), jnp.eye(2)[jnp.asarray([0, 0, 1])]
    )
    np.testing.assert_allclose(head.score(supports, jnp.asarray([[0.3]])), [[1.0, 0.2]], atol=1e-5)


def test_the_pair_of_one_class_weighs_as_much_as_all_others():
    found = pair_error(jnp.asarray([[2.0, -1.0, 0.5]]), jnp.asarray([0]))
    same, others = np.log1p(np.exp(-2.0)), np.log1p(np.exp([-1.0, 0.5])).mean()
    np.testing.assert_allclose(found, [(same + others) / 2], rtol=1e-5)


def test_training_episodes_have_one_support_of_each_class():
    found = siamese(SHAPE, train_way=20, train_query=2).training.shape
    assert found == EpisodeShape(way=20, shot=1, query=2)
    assert siamese(SHAPE).training.shape == EpisodeShape(way=2, shot=1, query=3)


def step_of(**options):
    """The loss and the parameters after one step on fixed drawings."""
    shape = EpisodeShape(2, 1, 1, (16, 16, 1))
    learner = siamese(shape, units=4, width=2, learning_rate=0.1, **options)
    state = jax.jit(learner.init)(jax.random.key(0))
    images = jax.random.bits(jax.random.key(1), (2, 1, 2, 16, 16, 1), jnp.uint8)
    names = jnp.asarray([[0, 1]])
    episodes = Episode(images[0], names, images[1], names, names)
    train = jax.jit(learner.training.step)
    steps = [train(state, episodes, jax.random.key(key)) for key in (2, 3)]
    return state, steps


def test_training_sees_distorted_drawings_where_they_are_asked_for():
    for affine in (0.0, 0.5):
        _, ((_, one), (_, other)) = step_of(affine=affine)
        assert (one["loss"] == other["loss"]) == (affine == 0)


def test_weight_decay_is_a_penalty_on_the_squared_weights():
    """With a huge factor, Adam's first step is one learning rate towards zero everywhere."""
    state, ((later, _), _) = step_of(weight_decay=1e6, decay="constant")
    matrix, moved = (s.params["head"]["layer"]["kernel"] for s in (state, later))
    np.testing.assert_allclose(matrix - moved, 0.1 * np.sign(matrix), rtol=1e-3)
    assert siamese(SHAPE, weight_decay=0.0).training is not None
    with pytest.raises(UserError, match=r"`weight_decay` is -1\.0; it must be at least 0"):
        siamese(SHAPE, weight_decay=-1.0)


def test_wrong_options():
    with pytest.raises(UserError, match="`units` is 0; it must be at least 1"):
        siamese(SHAPE, units=0)
