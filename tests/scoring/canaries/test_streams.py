"""Canaries of the online protocol catch what looks ahead, and what remembers the test."""

import jax
import jax.numpy as jnp
import pytest

from metabench.contracts.learner import StreamLearner
from metabench.scoring.canaries.streams import stream_canaries
from metabench.seeds import root_key
from metabench.tasks.streams import sample_streams
from metabench.types import StreamShape
from tests.scoring.canaries.made_up import flat, made_up_table

STREAMS, WAY = 60, 4
SHAPE = StreamShape(WAY, 5, (4, 4, 1))
LETTERS = StreamShape(WAY, 5, (4, 4, 1), labels="letters")
ALONE = StreamShape(WAY, 5, (4, 4, 1), independent=True)
MEASURED = ("shuffled labels", "blank images", "other future", "permuted classes")


def canaries(answer, shape=SHAPE):
    learner = StreamLearner(lambda key: (), answer)
    found = stream_canaries(learner, (), made_up_table(), shape, test_seed=3, streams=STREAMS)
    assert tuple(one.name for one in found[:4]) == MEASURED
    assert all(one.said.startswith("skipped: ") for one in found[4:])
    assert all(one[1:3] == (None, None) and one.holds is None for one in found[4:])
    return {one.name: one for one in found}


def caught(found):
    return {name for name, one in found.items() if one.holds is False}


def nearest(state, xs, labels, key, ahead=0):
    """The labels of earlier images, by how near these are."""
    steps, own = len(xs), jnp.roll(labels, -1, 0)  # in the last row, zeros of the first
    apart = jnp.square(flat(xs)[:, None] - flat(xs)[None]).sum(-1)
    known = jnp.arange(steps)[None] < jnp.arange(steps)[:, None] + ahead
    weight = jnp.where(known, jnp.exp(-20 * apart / 16), 0)
    return weight @ own


def counting(state, xs, labels, key):
    """The class that was shown least so far."""
    return -jnp.cumsum(labels, 0)


@pytest.mark.parametrize("shape", [SHAPE, LETTERS, ALONE])
def test_all_hold_for_an_honest_learner(shape):
    found = canaries(nearest, shape)
    assert [found[name].holds for name in MEASURED] == [True] * 4
    if shape.labels == "onehot":  # else ties are right or not, by the names
        assert found["permuted classes"].mean == 0
    assert found["shuffled labels"].mean < 0.3


def test_one_that_counts_labels_is_honest():
    found = canaries(counting)
    assert caught(found) == set()
    assert found["blank images"].mean > 0.3  # more than 1 of 4


def test_one_that_looks_ahead_is_caught():
    def ahead(*inputs):
        return nearest(*inputs, ahead=1)

    found = canaries(ahead)
    assert "other future" in caught(found)
    assert "only up to their step" in found["other future"].said


def test_one_that_knows_the_test_streams_by_their_keys_is_caught():
    indices = jnp.arange(STREAMS)
    within = jax.random.fold_in(root_key(3), 2**31)
    keys = jax.random.key_data(jax.vmap(lambda i: jax.random.fold_in(within, i))(indices))
    known = jax.jit(sample_streams, static_argnums=3)(root_key(3), indices, made_up_table(), SHAPE)
    answers = jax.nn.one_hot(known.ys, WAY)

    def recall(state, xs, labels, key):
        return answers[(keys == jax.random.key_data(key)[None]).all(-1).argmax()]

    found = canaries(recall)
    assert caught(found) == {"shuffled labels", "blank images", "permuted classes"}
    assert found["blank images"].mean == 1.0
