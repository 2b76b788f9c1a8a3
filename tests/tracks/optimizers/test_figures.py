"""Figures of runs, worked out by hand."""

import numpy as np
import pytest

from metabench.tracks.optimizers import figures
from metabench.tracks.optimizers.baseline_runs import at_stop
from metabench.tracks.optimizers.rollout import Runs

NAN = float("nan")
RUNS = Runs(
    losses=np.array([[4.0, 2.0, 1.0, 1.0, 0.5], [8.0, 4.0, 5.0, 9.0, NAN]]),
    measured=np.array([[4.0, 1.0, 0.5], [8.0, 6.0, NAN]]),
)
STOPS = (2, 4)


def by_stop(runs):
    return [(at_stop(runs, STOPS, number),) for number in range(2)]


def test_losses_areas_and_divergence():
    first, last = figures.of_runs(by_stop(RUNS), STOPS)
    assert first["steps"] == 2
    assert first["final_loss"]["mean"] == 3.5
    assert first["final_loss"]["median"] == 3.5
    # A standard deviation of 5/√2 over √2 instances, times 1.96.
    assert first["final_loss"]["ci95"] == pytest.approx(4.9)
    assert first["final_loss"]["band"] == [1.5, 5.5]
    assert first["area"]["mean"] == pytest.approx((1.5 + 4.5) / 2)
    assert first["diverged"] == 0.0
    assert last["diverged"] == 0.5
    assert last["final_loss"]["mean"] == pytest.approx((0.5 + figures.CAP) / 2, rel=1e-4)


def test_a_loss_that_is_no_lower_than_at_first_has_diverged():
    runs = Runs(np.zeros((3, 2)), np.array([[2.0, 1.9], [2.0, 2.0], [2.0, 3.0]]))
    assert figures.diverged(runs).tolist() == [False, True, True]


def test_paired_differences():
    other = RUNS._replace(measured=np.array([[4.0, 2.0, 1.0], [8.0, 5.0, 1.0]]))
    first, _ = figures.paired(by_stop(RUNS), by_stop(other), STOPS)
    assert first["mean"] == 0.0
    assert first["ci95"] == pytest.approx(1.96)
    assert first["lower"] == 0.5
    assert first["p"] == 1.0
    assert "seeds" not in first


def test_seeds_are_paired_with_one_run_of_a_baseline():
    """Losses 1, 3 and 2, 4 of two seeds beside a baseline's 2, 6."""
    at = [np.array([[9.0, one], [9.0, two]]) for one, two in ((1.0, 3.0), (2.0, 4.0), (2.0, 6.0))]
    first, second, other = (Runs(np.zeros((2, 3)), measured) for measured in at)
    (row,) = figures.paired([(first, second)], [(other,)], (2,))
    assert (row["mean"], row["lower"]) == (-1.5, 0.75)
    assert [one["mean"] for one in row["seeds"]] == [-2.0, -1.0]
    (found,) = figures.of_runs([(first, second)], (2,))
    assert found["final_loss"]["mean"] == 2.5
    assert found["final_loss"]["of_seeds"] == [2.0, 3.0]


def test_below_all_asks_it_of_every_baseline():
    def row(mean, half):
        return {"mean": mean, "ci95": half}

    rows = [[row(-2, 1), row(-2, 1), row(-1, 1)], [row(-3, 1), row(-1, 2), row(-3, 1)]]
    assert figures.below_all(rows, (1, 2, 3)) == [1]


def test_steps_that_another_needs():
    curve = np.array([5.0, 3.0, 1.0, 2.0, 0.5])
    assert figures.steps_to_reach(curve, 1.5) == 2
    assert figures.steps_to_reach(curve, 5.0) == 0
    assert figures.steps_to_reach(curve, 0.1) is None


def test_curves_tell_every_step_up_to_the_first_stop():
    assert figures.shown_steps((3, 30)) == [0, 1, 2, 3, 13, 23]
    curve = figures.curve([RUNS], STOPS)
    assert curve["steps"] == [0, 1, 2]
    assert curve["median"] == [6.0, 3.0, 3.0]
    assert curve["low"][0] == pytest.approx(4.4)
    assert curve["high"][0] == pytest.approx(7.6)
