"""ANIL: the head's inner loop by hand, and that the embedding stays as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.common.inner_loop import DifferentiatedLoop
from metabench.learners.gradient.anil import InnerHead, anil
from metabench.seeds import root_key
from metabench.types import Episode, EpisodeShape

SHAPE = EpisodeShape(way=2, shot=1, query=3)
SUPPORT = jnp.asarray([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
LABELS = jnp.asarray([1, 0])


@pytest.mark.parametrize(("inner_loss", "divisor"), [("mean", 2), ("sum/shots", 1)])
def test_one_inner_step_is_that_of_softmax_regression(inner_loss, divisor):
    matrix, bias = np.random.default_rng(0).normal(size=(3, 2)), np.zeros(2)
    head = InnerHead(3, 2, DifferentiatedLoop(1, 0.5, inner_loss))
    head.matrix[...] = jnp.asarray(matrix, jnp.float32)
    found = head.summarise(SUPPORT, LABELS, way=2)
    scores = np.asarray(SUPPORT) @ matrix
    probable = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    wrong = (probable - np.eye(2)[np.asarray(LABELS)]) / divisor
    np.testing.assert_allclose(
        found.matrix, matrix - 0.5 * np.asarray(SUPPORT).T @ wrong, rtol=1e-5
    )
    np.testing.assert_allclose(found.bias, bias - 0.5 * wrong.sum(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(
        head.score(found, SUPPORT), SUPPORT @ found.matrix + found.bias[None], rtol=1e-5
    )


@pytest.mark.parametrize("first_order", [False, True])
def test_the_embedding_learns_from_supports_only_with_second_derivatives(first_order):
    head = InnerHead(3, 2, DifferentiatedLoop(2, 0.5, first_order=first_order))

    def score(support):
        return head.score(head.summarise(support, LABELS, way=2), SUPPORT)[0, 0]

    assert bool((jax.grad(score)(SUPPORT) == 0).all()) == first_order


def small():
    """A learner with batch statistics, its first state, and two supports and four queries."""
    shape = EpisodeShape(2, 1, 2, (16, 16, 1))
    learner = anil(shape, norm="batch", width=2, inner_steps=1, decay="constant")
    images = jax.random.bits(root_key(1), (6, 16, 16, 1), jnp.uint8)
    return learner, jax.jit(learner.init)(root_key(0)), images, jnp.arange(2)


def test_the_queries_are_not_in_the_supports_statistics():
    learner, state, images, labels = small()
    # The supports meet no query, and are normalised by these two images.
    head = jax.jit(learner.adapt)(state, images[:2], labels, root_key(2)).support
    features = np.asarray(jax.jit(learner.embed)(state, images[:2]))
    wrong = (0.5 - np.eye(2)) / 2  # the head begins at zero: both classes are equally likely
    np.testing.assert_allclose(head.matrix, -0.5 * features.T @ wrong, rtol=1e-4, atol=1e-6)


@pytest.mark.slow  # compiles the gradient of four blocks
def test_training_normalises_supports_and_queries_apart_as_the_test_does():
    learner, state, images, labels = small()
    head = jax.jit(learner.adapt)(state, images[:2], labels, root_key(2)).support
    asked = jnp.asarray([0, 1, 1, 0])
    episode = Episode(images[:2], labels, images[2:], asked, jnp.arange(2))
    batch = jax.tree.map(lambda leaf: leaf[None], episode)
    _, metrics = jax.jit(learner.training.step)(state, batch, root_key(3))
    scores = jax.jit(learner.embed)(state, images[2:]) @ head.matrix + head.bias[None]
    likely = jax.nn.log_softmax(scores)[jnp.arange(4), asked]
    np.testing.assert_allclose(metrics["loss"], -likely.mean(), rtol=1e-3)


@pytest.mark.parametrize("norm", ["running", "batch"])
def test_only_batch_statistics_are_transductive(norm):
    assert anil(SHAPE, norm=norm).transductive == (norm == "batch")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"inner_steps": 0}, "`inner_steps` is 0; it must be at least 1"),
        ({"inner_rate": -1.0}, "`inner_rate` is -1.0; it must be positive"),
        ({"train_shot": 0}, "`train_shot` is 0; it must be at least 1"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        anil(SHAPE, **options)
