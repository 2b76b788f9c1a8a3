"""Answers are called alike where that is no chance."""

import numpy as np
import pytest

from metabench.scoring.tally import Tally, all_alike, nan_episodes
from metabench.types import EpisodeShape, StreamShape

SHAPE = EpisodeShape(5, 1, 15)


def tally(alike, unanswered):
    """Of as many tasks as the lists are long."""
    return Tally(np.zeros(len(alike), int), np.array(unanswered), np.array(alike))


@pytest.mark.parametrize(
    ("alike", "unanswered", "shape", "told"),
    [
        ([True] * 2, [0] * 2, SHAPE, True),
        ([True, False], [0] * 2, SHAPE, False),
        ([True] * 2, [75] * 2, SHAPE, False),  # they are no answers at all
        ([True] * 2, [75, 0], SHAPE, True),
        ([True] * 10, [0] * 10, EpisodeShape(2, 1, 1), False),  # once in 1,024 times by chance
        ([True] * 20, [0] * 20, EpisodeShape(2, 1, 1), True),
        ([True] * 2, [0] * 2, StreamShape(5, 10), True),
    ],
)
def test_all_alike(alike, unanswered, shape, told):
    assert all_alike(tally(alike, unanswered), shape) is told


def test_episodes_with_a_query_without_an_answer_are_counted():
    assert nan_episodes(tally([True] * 3, [0, 1, 75])) == 2
