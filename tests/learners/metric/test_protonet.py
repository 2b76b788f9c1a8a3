"""Prototypical Networks: equations 1 and 2 by hand, and the options."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.metric.protonet import PrototypeHead, protonet
from metabench.types import EpisodeShape

SHAPE = EpisodeShape(way=5, shot=1, query=15)
SUPPORT = jnp.asarray([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 4.0]])
LABELS = jnp.asarray([0, 1, 0, 1])
QUERY = jnp.asarray([[2.0, 0.0], [1.0, 1.0], [0.0, 5.0]])


def test_prototypes_are_class_means():
    prototypes = PrototypeHead().summarise(SUPPORT, LABELS, way=2)
    np.testing.assert_allclose(prototypes, [[2, 0], [0, 3]])


def test_prototypes_of_unequal_numbers_of_supports():
    prototypes = PrototypeHead().summarise(SUPPORT, jnp.asarray([0, 1, 0, 0]), way=2)
    np.testing.assert_allclose(prototypes, [[4 / 3, 4 / 3], [0, 2]], rtol=1e-6)


def test_probabilities_are_a_softmax_over_negative_squared_distances():
    logits = PrototypeHead().score(jnp.asarray([[2.0, 0.0], [0.0, 3.0]]), QUERY)
    distances = -np.array([[0.0, 13.0], [2.0, 5.0], [29.0, 4.0]])
    np.testing.assert_allclose(
        jax.nn.log_softmax(logits), jax.nn.log_softmax(jnp.asarray(distances)), atol=1e-5
    )


def test_training_shape():
    assert protonet(SHAPE).training.shape is None
    found = protonet(SHAPE, train_way=60, train_query=5).training.shape
    assert found == EpisodeShape(way=60, shot=1, query=5)
    assert protonet(SHAPE, train_shot=5).training.shape == EpisodeShape(way=5, shot=5, query=15)


@pytest.mark.parametrize("norm", ["running", "batch", "group", "layer", "none"])
def test_only_batch_statistics_are_transductive(norm):
    assert protonet(SHAPE, norm=norm).transductive == (norm == "batch")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"train_way": 1}, "`train_way` is 1; it must be at least 2"),
        ({"learning_rate": -1.0}, "`learning_rate` is -1.0"),
        ({"norm": "bach"}, "`norm` is 'bach'"),
        ({"width": 0}, "`width` is 0"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        protonet(SHAPE, **options)


def test_images_too_small():
    with pytest.raises(UserError, match="`image_size` is 14"):
        protonet(EpisodeShape(5, 1, 5, (14, 14, 1)))
