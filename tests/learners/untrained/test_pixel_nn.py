"""Nearest neighbours on pixels, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.untrained.pixel_nn import pixel_nn, unit_pixels
from metabench.types import EpisodeShape, StreamShape

SHAPE = EpisodeShape(way=2, shot=2, query=1, image=(1, 2, 1))
SUPPORT = jnp.asarray([[255, 0], [0, 255], [255, 255], [0, 0]], jnp.uint8).reshape(4, 1, 2, 1)
LABELS = jnp.asarray([0, 1, 1, 0])
QUERY = jnp.asarray([[204, 153], [255, 0]], jnp.uint8).reshape(2, 1, 2, 1)


def logits(**options):
    learner = pixel_nn(SHAPE, **options)
    key = jax.random.key(0)
    return learner.predict(learner.adapt(learner.init(key), SUPPORT, LABELS, key), QUERY)


def test_cosines_of_bright_ink_by_hand():
    # (0.8, 0.6) against (1, 0), (0, 1), (1, 1)/√2 and nothing
    expected = [[0.8, 1.4 / np.sqrt(2)], [1.0, 1 / np.sqrt(2)]]
    np.testing.assert_allclose(logits(ink="bright"), expected, atol=1e-6)


def test_cosines_of_dark_ink_are_those_of_the_negatives():
    # queries (0.2, 0.4) and (0, 1) against (0, 1), (1, 0), nothing and (1, 1)
    first = np.array([0.2, 0.4]) / np.sqrt(0.2)
    expected = [[first.sum() / np.sqrt(2), first[0]], [1.0, 0.0]]
    np.testing.assert_allclose(logits(), expected, atol=1e-6)
    np.testing.assert_array_equal(logits(), logits(ink="dark"))


def test_unequal_numbers_of_supports():
    learner, key = pixel_nn(SHAPE, ink="bright"), jax.random.key(0)
    found = learner.predict(learner.adapt((), SUPPORT, jnp.asarray([0, 0, 1, 0]), key), QUERY)
    # class 0 has (1, 0), (0, 1) and nothing, class 1 has (1, 1)/√2 alone
    expected = [[0.8, 1.4 / np.sqrt(2)], [1.0, 1 / np.sqrt(2)]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_unit_pixels():
    found = unit_pixels(SUPPORT)
    np.testing.assert_allclose(found, [[1, 0], [0, 1], [0.5**0.5] * 2, [0, 0]], atol=1e-6)


def test_it_is_neither_trained_nor_transductive():
    learner = pixel_nn(SHAPE)
    assert learner.training is None
    assert not learner.transductive


def test_in_a_stream_the_images_so_far_vote():
    learner = pixel_nn(StreamShape(way=2, presentations=2, image=(1, 2, 1)), ink="bright")
    xs = jnp.asarray([[255, 0], [0, 255], [200, 10], [10, 200]], jnp.uint8).reshape(4, 1, 2, 1)
    before = jnp.asarray([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = learner.answer(learner.init(None), xs, before, None)
    np.testing.assert_array_equal(found[0], [0, 0])
    assert found[2:].argmax(1).tolist() == [0, 1]
    assert learner.training is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ink": "blue"}, "`ink` is 'blue'; it must be one of: dark, bright"),
        ({"neighbours": 0}, "`neighbours` is 0; it must be at least 1"),
        ({"neighbours": 2}, "`neighbours` is 2, but only in the online protocol do several"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        pixel_nn(SHAPE, **options)
