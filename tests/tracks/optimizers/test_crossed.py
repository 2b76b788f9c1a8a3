"""The mean over seeds and instances, worked out by hand and against simulated draws."""

import numpy as np
import pytest

from metabench.tracks.optimizers.crossed import mean_of


def test_one_seed_has_the_usual_interval():
    """Values 1 and 6: a standard error of 2.5."""
    found = mean_of(np.array([[1.0, 6.0]]))
    assert (found.mean, found.freedom) == (3.5, None)
    assert found.ci95 == pytest.approx(1.96 * 2.5)
    assert found.p == pytest.approx(0.16151, abs=1e-4)  # 2 Φ(-1.4)


def test_two_seeds_by_hand():
    """Rows 0, 2, 4 and 3, 5, 10: mean squares 24, 13 and 1, so 36 / 6 with 1.749 degrees.

    Means of rows 2 and 6, of columns 1.5, 3.5 and 7, of all 4. Seeds: 3 · (4 + 4) / 1 = 24.
    Instances: 2 · (6.25 + 0.25 + 9) / 2 = 15.5. The rest 0.5, 0.5, -1 and its opposite: 3 / 2.
    """
    found = mean_of(np.array([[0.0, 2.0, 4.0], [3.0, 5.0, 10.0]]))
    total = 24 + 15.5 - 1.5
    freedom = total**2 / (24**2 / 1 + 15.5**2 / 2 + 1.5**2 / 2)
    assert found.mean == 4.0
    assert found.freedom == pytest.approx(freedom)
    quantile = {1: 12.7062, 2: 4.3027, 3: 3.1824}
    assert quantile[3] < found.ci95 / np.sqrt(total / 6) < quantile[1]


def test_seeds_without_a_part_of_their_own_leave_the_interval_over_instances():
    random = np.random.default_rng(0)
    of_instances = random.normal(size=200)
    noise = np.array([1.0, -1.0])[:, None] * random.normal(size=200)[None] * 0.1
    noise -= noise.mean(1, keepdims=True)  # both seeds have the same mean
    found = mean_of(of_instances[None] + noise)
    assert found.ci95 == pytest.approx(1.972 * of_instances.std(ddof=1) / np.sqrt(200), rel=1e-3)
    assert found.freedom == pytest.approx(199)


def test_one_value_everywhere_has_no_interval():
    assert mean_of(np.full((2, 3), 2.0))[:3] == (2.0, 0.0, 0.0)
    assert mean_of(np.zeros((2, 3)))[:3] == (0.0, 0.0, 1.0)


def test_intervals_hold_the_true_mean_as_often_as_they_say():
    """Seeds and instances of equal weight in the mean; the interval over instances alone fails."""
    random, held, naive = np.random.default_rng(0), 0, 0
    for _ in range(1000):
        seeds, instances = random.normal(size=(3, 1)), random.normal(size=(1, 50))
        values = 0.25 * seeds + instances + random.normal(size=(3, 50))
        found = mean_of(values)
        held += abs(found.mean) <= found.ci95
        naive += abs(found.mean) <= mean_of(values.mean(0, keepdims=True)).ci95
    assert 930 <= held <= 990
    assert naive < 900
