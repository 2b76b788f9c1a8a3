"""The structural parameter learns the direction, and where nothing tells it, it does not."""

from dataclasses import replace

import numpy as np

from metabench.tracks.causal.direction import learn, measure
from metabench.tracks.causal.plan import DirectionPlan

SHORT = DirectionPlan(
    categories=5, seeds=tuple(range(6)), episodes=60, steps=2, batch=10, meta_rate=0.05,
    curve_transfers=3, curve_steps=4,
)  # fmt: skip


def test_the_true_direction_is_believed_after_some_episodes():
    told = []
    found = learn(SHORT, told.append)
    assert found.shape == (6, 60)
    assert told == [50, 10]
    assert (found[:, -1] > 0.7).all()


def test_the_control_favours_no_direction():
    found = learn(replace(SHORT, change="all", seeds=tuple(range(16)), episodes=50))[:, -1]
    half = 1.96 * found.std(ddof=1) / 4
    assert abs(found.mean() - 0.5) < 2 * half
    assert found.min() < 0.5 < found.max()


def test_the_true_model_is_nearer_after_adaptation():
    found = measure(SHORT)
    assert found.forward.shape == found.backward.shape == (6, 5)
    np.testing.assert_allclose(found.forward[:, 0], found.backward[:, 0], rtol=1e-4)
    assert (found.forward[:, -1] < found.backward[:, -1]).all()
    assert (found.forward >= 0).all()
    np.testing.assert_array_equal(found.examples, [0, 10, 20, 30, 40])
