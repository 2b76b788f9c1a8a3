"""How many episodes and seeds are needed, by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from metabench.results.intervals import seed_variances
from metabench.results.power import needed
from tests.made_up_result import made_up

# 10 queries in each of 4 episodes.
FIRST = made_up("protonet", (10, 8, 10, 8))  # 0.9
SECOND = made_up("matching", (9, 8, 8, 7))  # 0.8
SEEDS = made_up("maml", (10, 10, 8, 8), (8, 8, 6, 6))  # 0.9 and 0.7
POOR = made_up("anil", (7, 5, 6, 4))
UNTRAINED = replace(POOR, runs=(replace(POOR.runs[0], train_steps=0),))


def test_episodes_by_hand():
    # Variance of a difference 0.006667, difference 0.1: 0.006667 * (1.96 + 0.8416)^2 / 0.01 = 5.2.
    assert needed(FIRST, SECOND) == (6, None, None)
    assert needed(SECOND, FIRST) == (6, None, None)


def test_equal_means_are_never_told_apart():
    assert needed(FIRST, replace(FIRST, learner="b")) == (None, None, None)


def test_seeds_by_hand():
    """The smallest number s with (t of 97.5 % + t of 80 %) * error <= difference."""
    gap = SEEDS.accuracy - UNTRAINED.accuracy
    episodes = np.var(SEEDS.per_episode().mean(0) - UNTRAINED.per_episode()[0], ddof=1) / 4
    (variance,) = seed_variances(SEEDS, UNTRAINED)

    def reach(count):
        whole = episodes + variance / count
        degrees = whole**2 * (count - 1) / (variance / count) ** 2
        return (student.ppf(0.975, degrees) + student.ppf(0.8, degrees)) * whole**0.5

    found = needed(SEEDS, UNTRAINED).seeds
    assert reach(found) <= gap < reach(found - 1)
    assert needed(SEEDS, POOR).seeds is None  # one seed of `POOR`: nobody knows how they differ


def test_more_of_both_where_neither_is_enough_alone():
    one = made_up("a", (50, 51, 70, 69), (55, 56, 75, 74), protocol={"query": 50})
    other = made_up("b", (53, 58, 62, 65), (52, 57, 63, 66), protocol={"query": 50})
    gap = one.accuracy - other.accuracy
    assert gap == pytest.approx(0.03)
    episodes, seeds, together = needed(one, other)
    assert (episodes, seeds) == (None, None)
    # Half of the variance allowed, (0.03 / 2.8016)^2, for the episodes.
    difference = one.per_episode().mean(0) - other.per_episode().mean(0)
    assert together[0] == np.ceil(2 * np.var(difference, ddof=1) / (gap / 2.80162) ** 2)
    assert together[1] > 2
