"""Figures of runs, worked out by hand."""

import numpy as np
import pytest

from metabench.tracks.optimizers import figures
from metabench.tracks.optimizers.rollout import Runs

NAN = float("nan")
RUNS = Runs(
    losses=np.array([[4.0, 2.0, 1.0, 1.0, 0.5], [8.0, 4.0, 5.0, 9.0, NAN]]),
    measured=np.array([[4.0, 1.0, 0.5], [8.0, 6.0, NAN]]),
)
STOPS = (2, 4)


def test_losses_areas_and_divergence():
    first, last = figures.of_runs(RUNS, STOPS)
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
    assert figures.diverged(runs, 0).tolist() == [False, True, True]


def test_paired_differences():
    other = RUNS._replace(measured=np.array([[4.0, 2.0, 1.0], [8.0, 5.0, 1.0]]))
    first, _ = figures.paired(RUNS, other, STOPS)
    assert first["mean"] == 0.0
    assert first["ci95"] == pytest.approx(1.96)
    assert first["lower"] == 0.5


def test_steps_that_another_needs():
    curve = np.array([5.0, 3.0, 1.0, 2.0, 0.5])
    assert figures.steps_to_reach(curve, 1.5) == 2
    assert figures.steps_to_reach(curve, 5.0) == 0
    assert figures.steps_to_reach(curve, 0.1) is None


def test_curves_tell_every_step_up_to_the_first_stop():
    assert figures.shown_steps((3, 30)) == [0, 1, 2, 3, 13, 23]
    curve = figures.curve(RUNS, STOPS)
    assert curve["median"] == [6.0, 3.0, 3.0]
    assert curve["low"][0] == pytest.approx(4.4)
    assert curve["high"][0] == pytest.approx(7.6)
