"""The online protocol: answers are counted by presentation, and only numbers are answers."""

import jax
import jax.numpy as jnp
import pytest

from metabench.contracts.learner import StreamLearner
from metabench.scoring.episodes import tallies
from metabench.types import StreamShape
from tests.scoring.test_episodes import make_table


def answering(scores):
    """A learner whose answer is `scores(labels)`, [steps, outputs]."""
    return StreamLearner(lambda key: (), lambda state, xs, labels, key: scores(labels))


@pytest.mark.parametrize("labels", ["onehot", "letters"])
def test_scores_that_are_no_numbers_are_wrong(labels):
    shape = StreamShape(3, 4, image=(2, 2, 1), labels=labels)

    def count(scores):
        return tallies(answering(scores), (), make_table(), shape, seed=0, episodes=64)

    usual = count(lambda labels: jnp.zeros_like(labels, float))
    assert usual.unanswered.tolist() == [0] * 64
    assert usual.alike.all()
    if labels == "onehot":  # the answer is always the first of three labels
        assert usual.correct.sum(1).tolist() == [4] * 64

    lost = count(lambda labels: jnp.full(labels.shape, jnp.nan))
    assert lost.unanswered.tolist() == [12] * 64
    assert not lost.correct.any()

    late = count(lambda labels: jnp.zeros_like(labels, float).at[6:, -1].set(jnp.nan))
    assert late.unanswered.tolist() == [6] * 64


def test_answers_of_several_kinds_are_not_alike():
    shape = StreamShape(3, 4, image=(2, 2, 1))
    echo = answering(lambda labels: jax.nn.one_hot(jnp.arange(len(labels)) % 3, 3))
    found = tallies(echo, (), make_table(), shape, seed=0, episodes=4)
    assert not found.alike.any()
