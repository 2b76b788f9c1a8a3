"""One-sided tests of a drop, on made-up accuracies whose spread is known."""

import numpy as np
import pytest

from metabench.results.noninferior import Drop, drop, holm, seed_variance


def accuracies(seeds, mean, between=0.03, episodes=64, start=0):
    """[seeds, episodes] with easy and hard episodes; the seeds' own deviation is `between`."""
    random = np.random.default_rng(start)
    easy = np.random.default_rng(99).normal(0, 0.08, episodes)
    own = random.normal(0, between, (seeds, 1))
    return mean + own + easy + random.normal(0, 0.04, (seeds, episodes))


def test_the_spread_of_the_seeds_is_found_without_that_of_the_episodes():
    found = [seed_variance(accuracies(12, 0.6, 0.03, start=n)) for n in range(200)]
    assert np.mean(found) == pytest.approx(0.03**2, rel=0.1)
    none = [seed_variance(accuracies(12, 0.6, 0.0, start=n)) for n in range(200)]
    assert np.mean(none) < 0.003**2


@pytest.mark.parametrize("level", [0.05, 0.01])
def test_a_true_drop_of_the_margin_is_rejected_as_often_as_the_level_says(level):
    wrong = sum(
        drop(accuracies(12, 0.6, start=n), accuracies(1, 0.58, start=10_000 + n)).p_value(0.02)
        <= level
        for n in range(2000)
    )
    assert 0.4 * level < wrong / 2000 < 1.6 * level


def test_the_interval_holds_the_true_drop_at_its_level():
    held = 0
    for n in range(500):
        found = drop(accuracies(12, 0.6, start=n), accuracies(4, 0.55, start=10_000 + n))
        held += abs(found.drop - 0.05) <= found.half_width()
    assert 0.92 < held / 500 < 0.98


def test_a_large_drop_is_found_and_a_rise_is_none():
    base = accuracies(12, 0.6)
    assert drop(base, accuracies(4, 0.45, start=1)).p_value(0.02) < 1e-4
    assert drop(base, accuracies(4, 0.75, start=1)).p_value(0.02) > 0.99


def test_without_any_spread_the_margin_alone_decides():
    base, lower = np.full((1, 8), 0.5), np.full((1, 8), 0.47)
    assert drop(base, lower).p_value(0.02) == 0.0
    assert drop(base, lower).p_value(0.04) == 1.0
    assert Drop(0.1, 0.0, np.inf).half_width() == 0.0


def test_holm_multiplies_by_the_tests_that_are_left_and_never_falls():
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert adjusted == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert list(adjusted) == ["a", "b", "c"]
    assert holm({}) == {}
    assert holm({"a": 0.7, "b": 0.9}) == pytest.approx({"a": 1.0, "b": 1.0})
