"""Intervals over seeds and episodes, worked by hand and by simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metabench.results import intervals
from tests.made_up_result import made_up, made_up_online

# 10 queries in each of 4 episodes.
FIRST = made_up("protonet", (10, 8, 10, 8))  # 0.9
SECOND = made_up("matching", (9, 8, 8, 7))  # 0.8
TWO_SEEDS = made_up("maml", (10, 10, 8, 8), (8, 8, 6, 6))  # 0.9 and 0.7, together 0.8
UNTRAINED = replace(SECOND, runs=(replace(SECOND.runs[0], train_steps=0),))


def test_one_seed_has_an_interval_over_episodes_and_says_so():
    summary = intervals.overall(FIRST)
    # Deviations of 0.1 from 0.9: variance 4 · 0.01 / 3, interval 1.96 · sqrt(0.013333 / 4).
    assert summary[:2] == pytest.approx((0.9, 0.113161), abs=1e-6)
    assert summary.one_seed
    assert not intervals.overall(TWO_SEEDS).one_seed
    assert not intervals.overall(UNTRAINED).one_seed  # there is no training to repeat


def test_seeds_that_agree_add_nothing_to_the_episodes():
    same = made_up("maml", (10, 8, 10, 8), (10, 8, 10, 8), (10, 8, 10, 8))
    assert intervals.overall(same)[:2] == pytest.approx((0.9, 0.113161), rel=0.03)


def test_seeds_that_differ_widen_the_interval_by_their_own_variance():
    # Both seeds deviate by 0.1 from 0.8 in every episode: own variance 0.02, of their mean 0.01;
    # the episodes' is 0.013333 / 4. Satterthwaite: (0.013333 / 0.01)² = 1.78 degrees of freedom.
    mean, half, _ = intervals.overall(TWO_SEEDS)
    assert mean == pytest.approx(0.8)
    student = 4.8634  # Student's 97.5 % quantile at 1.78 degrees of freedom
    assert half == pytest.approx(student * 0.013333**0.5, rel=0.05)


def test_the_paired_difference_is_taken_episode_by_episode():
    # Differences 0.1, 0, 0.2, 0.1: mean 0.1, variance 0.02 / 3, interval 1.96 · sqrt(0.00667 / 4).
    assert intervals.paired(FIRST, SECOND)[:2] == pytest.approx((0.1, 0.080017), abs=1e-6)
    assert intervals.paired(SECOND, FIRST).mean == pytest.approx(-0.1)
    assert intervals.paired(FIRST, FIRST)[:2] == (0, 0)


def test_the_test_agrees_with_the_interval():
    # The difference is 0.1 and its standard error 0.0408: 2.449 of them.
    assert intervals.p_value(FIRST, SECOND) == pytest.approx(0.01431, abs=1e-5)
    assert intervals.p_value(SECOND, FIRST) == intervals.p_value(FIRST, SECOND)
    assert intervals.p_value(FIRST, FIRST) == 1
    always = made_up("maml", (9, 7, 9, 7))  # 0.1 below the first in every episode
    assert intervals.p_value(FIRST, always) == pytest.approx(0, abs=1e-12)
    for other in (SECOND, TWO_SEEDS, made_up("maml", (10, 8, 10, 7), (9, 8, 9, 7))):
        gap = intervals.paired(FIRST, other)
        assert (intervals.p_value(FIRST, other) < 0.05) == (abs(gap.mean) > gap.ci95)


def test_errors_of_episodes_and_seeds_stand_apart():
    assert intervals.errors(FIRST) == (pytest.approx(0.057735, abs=1e-6), None)
    # As in the interval over both: 0.013333 / 4 of the episodes, 0.02 / 2 of the seeds.
    assert intervals.errors(TWO_SEEDS) == (pytest.approx(0.057735, abs=1e-6), pytest.approx(0.1))
    assert intervals.paired_errors(FIRST, TWO_SEEDS).seeds == pytest.approx(0.1)
    assert intervals.paired_errors(FIRST, SECOND) == (pytest.approx(0.040825, abs=1e-6), None)
    assert intervals.seed_variances(FIRST, TWO_SEEDS) == [pytest.approx(0.02)]


def test_a_pair_with_a_single_training_says_so():
    assert intervals.paired(FIRST, TWO_SEEDS).one_seed
    assert not intervals.paired(TWO_SEEDS, UNTRAINED).one_seed
    assert not intervals.paired(TWO_SEEDS, replace(TWO_SEEDS, learner="anil")).one_seed
    # Yet the seeds that are there are counted.
    over_episodes = intervals.paired(FIRST, replace(TWO_SEEDS, runs=TWO_SEEDS.runs[:1])).ci95
    assert intervals.paired(FIRST, TWO_SEEDS).ci95 > 2 * over_episodes


def test_the_same_results_have_the_same_interval():
    intervals._shares.cache_clear()
    first = intervals.paired(TWO_SEEDS, FIRST)
    intervals._shares.cache_clear()
    assert intervals.paired(TWO_SEEDS, FIRST) == first


@pytest.mark.parametrize(("seeds", "spread"), [(3, 0.02), (3, 0.0), (5, 0.005)])
def test_most_intervals_hold_the_true_difference(seeds, spread, monkeypatch):
    """Two learners of equal accuracy, whose trainings differ by `spread`."""
    monkeypatch.setattr(intervals, "DRAWS", 400)
    intervals._shares.cache_clear()
    random, held, tries, episodes = np.random.default_rng(1), 0, 300, 60
    for _ in range(tries):
        common = random.normal(0.5, 0.1, episodes)
        one, other = (
            common
            + random.normal(0, spread, (seeds, 1))
            + random.normal(0, 0.05, (seeds, episodes))
            for _ in range(2)
        )
        gap = intervals._interval([one, -other], one_seed=False)
        held += abs(gap.mean) < gap.ci95
    intervals._shares.cache_clear()
    # An interval over episodes alone holds 0.45 of them in the first case.
    assert 0.9 < held / tries < 0.99


def test_online_pairs_are_those_of_one_presentation():
    better = made_up_online("mann", (1, 4, 5), (1, 5, 5))
    other = made_up_online("lstm", (2, 2, 2), (1, 3, 4))
    first, second = (intervals.paired_at(better, other, number) for number in (1, 2))
    assert first.mean == pytest.approx(-0.1)
    assert second.mean == pytest.approx(0.4)  # 2 of 5 in each stream
    assert second.ci95 == pytest.approx(0.0, abs=1e-12)
    assert second.one_seed


def test_seed_spread_is_the_deviation_of_the_seeds():
    assert intervals.seed_spread(FIRST) is None
    assert intervals.seed_spread(TWO_SEEDS) == pytest.approx(0.2 / 2**0.5)
