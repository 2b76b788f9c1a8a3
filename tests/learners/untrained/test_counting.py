"""Counting labels: its figures in the online protocol, and what it knows of strings of letters."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.learners.untrained.counting import counting, most_left
from metabench.scoring.episodes import evaluate
from metabench.scoring.streams import presented
from metabench.scoring.summary import Summary, half_width, linearised, summarise
from metabench.types import ClassTable, StreamShape

SHAPE = StreamShape(way=5, presentations=10, image=(1, 1, 1))
STREAMS = 4096
TABLE = ClassTable(
    images=jnp.zeros((200, 1, 1, 1), jnp.uint8),
    members=jnp.arange(200, dtype=jnp.int32).reshape(10, 20),
    counts=jnp.full(10, 20, jnp.int32),
    class_ids=jnp.arange(10, dtype=jnp.int32),
)


def accuracies(shape):
    learner = counting(shape)
    counts = evaluate(learner, (), TABLE, shape, seed=1, episodes=STREAMS)
    shown = presented(TABLE, shape, seed=1, streams=STREAMS)
    streams = linearised(counts, np.broadcast_to(shown, counts.shape))
    return counts, [*map(Summary, streams.mean(0), half_width(streams))]


def test_the_floor_of_the_online_protocol_is_not_chance():
    counts, found = accuracies(SHAPE)
    assert counts.shape == (STREAMS, 10)
    for number, known in {1: 0.458, 2: 0.312, 5: 0.276, 10: 0.328}.items():
        one = found[number - 1]
        assert abs(one.mean - known) < 1.5 * one.ci95 + 5e-4, (number, one)


def test_counting_is_chance_over_all_images_of_independently_drawn_classes():
    """Not at the first presentation: there the class is known to be one that was not shown yet."""
    counts, found = accuracies(StreamShape(5, 10, (1, 1, 1), independent=True))
    assert len(found) == 11
    whole = summarise(counts, 50)
    assert abs(whole.mean - 0.2) < 1.5 * whole.ci95
    first, tenth = found[0], found[9]
    assert abs(first.mean - (1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5) < 1.5 * first.ci95
    assert tenth.mean < 0.2


def test_a_tie_goes_to_every_label():
    answer = jax.jit(counting(SHAPE).answer)
    labels = jnp.zeros((50, 5)).at[1, 2].set(1)
    keys = jax.random.split(jax.random.key(0), 400)
    first, second = (
        np.bincount([int(answer((), None, labels, key)[step].argmax()) for key in keys[:200]],
                    minlength=5)
        for step in (0, 1)
    )  # fmt: skip
    assert first.min() > 20
    assert second[2] == 0
    assert second[[0, 1, 3, 4]].min() > 25


def test_of_strings_of_letters_only_those_shown_are_known():
    """Codes a, b, a, a: after them b has more left than a."""
    a, b, nothing = jnp.eye(3)[0], jnp.eye(3)[1], jnp.zeros(3)
    shown = jnp.stack([nothing, a, b, a, a])
    found = most_left(shown, 4, jax.random.key(0))
    np.testing.assert_array_equal(found[0], nothing)
    np.testing.assert_array_equal(found[1], a)
    np.testing.assert_array_equal(found[3:], jnp.stack([b, b]))
