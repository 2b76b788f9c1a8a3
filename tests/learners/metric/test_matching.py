"""Matching Networks: equation 1 by hand, the cap of bare cosines, and full context."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.errors import UserError
from metabench.learners.metric.matching import AttentionHead, matching
from metabench.types import EpisodeShape

SHAPE = EpisodeShape(way=5, shot=1, query=15)
SUPPORT = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]], np.float32)
LABELS = jnp.asarray([0, 1, 0])
QUERY = np.array([[2.0, 0.0], [1.0, 1.0]], np.float32)


def head(features=2, distance="cosine", temperature=1.0, steps=0):
    return AttentionHead(features, distance, temperature, steps, nnx.Rngs(0))


def scores(made, support, labels, query, way):
    def score(support, query):
        return made.score(made.summarise(support, labels, way=way), query)

    return jax.jit(score)(jnp.asarray(support), jnp.asarray(query))


def softmax(x):
    weights = np.exp(x - x.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_cosine_attention_by_hand(temperature):
    root = np.sqrt(0.5)
    cosines = np.array([[1, 0, 0.6], [root, root, 1.4 * root]])
    attention = softmax(cosines / temperature)
    expected = np.stack([attention[:, 0] + attention[:, 2], attention[:, 1]], axis=1)
    found = jnp.exp(scores(head(temperature=temperature), SUPPORT, LABELS, QUERY, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_squared_distances_by_hand():
    attention = softmax(-np.square(QUERY[:, None] - SUPPORT[None]).sum(-1) / 2.0)
    expected = np.stack([attention[:, 0] + attention[:, 2], attention[:, 1]], axis=1)
    found = jnp.exp(scores(head(distance="squared", temperature=2.0), SUPPORT, LABELS, QUERY, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("distance", ["cosine", "squared"])
@pytest.mark.parametrize("steps", [0, 2])
def test_probabilities_sum_to_one(distance, steps):
    draw = np.random.default_rng(0)
    support, query = draw.normal(size=(10, 4)), draw.normal(size=(7, 4))
    made = head(4, distance, 0.5, steps)
    found = scores(made, support.astype("f4"), jnp.arange(10) % 5, query.astype("f4"), 5)
    assert found.shape == (7, 5)
    np.testing.assert_allclose(jnp.exp(found).sum(1), 1, rtol=1e-5)


def test_without_a_temperature_no_probability_exceeds_two_thirds():
    """The best case of five ways and one shot: cosines 1 and -1/4 have probability 0.466; with
    -1, which five unit vectors cannot all have, 0.649."""
    orthogonal = jnp.eye(5)
    opposite = jnp.concatenate([jnp.eye(5)[:1], jnp.tile(-jnp.eye(5)[:1], (4, 1))])
    best = [
        float(jnp.exp(scores(head(5), support, jnp.arange(5), jnp.eye(5)[:1], 5))[0, 0])
        for support in (orthogonal, opposite)
    ]
    np.testing.assert_allclose(best, [np.e / (np.e + 4), np.e / (np.e + 4 / np.e)], rtol=1e-4)
    assert max(best) < 0.65
    sharp = head(5, temperature=0.1)
    assert jnp.exp(scores(sharp, orthogonal, jnp.arange(5), jnp.eye(5)[:1], 5))[0, 0] > 0.99


def test_a_class_without_supports_has_no_probability():
    found = scores(head(), SUPPORT, LABELS, QUERY, 3)
    assert (jnp.exp(found[:, 2]) < 1e-6).all()


def test_full_context_depends_on_the_whole_support_set():
    """Without it, supports of class 0 have the same odds whatever a third one of class 1 is."""
    moved = SUPPORT.copy()
    moved[2] = [-5.0, 1.0]
    labels = jnp.asarray([0, 1, 2])

    def odds(steps):
        made = head(2, "squared", 1.0, steps)
        found = [scores(made, s, labels, QUERY, 3) for s in (SUPPORT, moved)]
        return [np.asarray(f[:, 0] - f[:, 1]) for f in found]

    np.testing.assert_allclose(*odds(0), rtol=1e-4)
    assert not np.allclose(*odds(2), atol=1e-3)


@pytest.mark.parametrize(
    ("options", "scale"),
    [({}, 10), ({"distance": "squared"}, 1), ({"temperature": 0.5}, 2)],
)
def test_initial_temperature(options, scale):
    learner = matching(SHAPE, width=8, **options)
    params = jax.jit(learner.init)(jax.random.key(0)).params
    assert float(jnp.exp(params["head"]["log_scale"])) == pytest.approx(scale)


def test_full_context_has_parameters_of_its_own():
    """Two LSTMs over 8 features, one over 16: kernels and biases of four gates each."""

    def count(**options):
        learner = matching(SHAPE, width=8, **options)
        params = jax.eval_shape(lambda k: learner.init(k).params, jax.random.key(0))
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    support, query = 4 * 8 * (8 + 8 + 1), 4 * 8 * (16 + 8 + 1)
    assert count(full_context=True) - count() == 2 * support + query


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"distance": "l1"}, "`distance` is 'l1'; it must be one of: cosine, squared"),
        ({"temperature": 0.0}, "`temperature` is 0.0; it must be positive"),
        ({"full_context": True, "context_steps": 0}, "`context_steps` is 0"),
        ({"train_shot": -1}, "`train_shot` is -1"),
        ({"norm": "bach"}, "`norm` is 'bach'"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        matching(SHAPE, **options)


def test_training_shape_and_transductivity():
    assert matching(SHAPE, train_way=20).training.shape == EpisodeShape(way=20, shot=1, query=15)
    assert matching(SHAPE, norm="batch").transductive
    assert not matching(SHAPE).transductive
