"""The numbers of learning curves."""

import math

import pytest

from metabench.training.curves import as_csv, thinned
from metabench.training.loop import Point


def test_a_line_for_each_validation_and_no_nan():
    curves = {
        0: [Point(10, 1.5, 0.5, 0.25, 3.0), Point(20, 1.25, math.nan, 0.5, 6.0)],
        1: [Point(10, 2.0, 0.5, 0.125, 3.5)],
    }
    assert as_csv(curves).splitlines() == [
        "seed,step,loss,train_accuracy,validation,seconds",
        "0,10,1.5,0.5,0.25,3.0",
        "0,20,1.25,,0.5,6.0",
        "1,10,2.0,0.5,0.125,3.5",
    ]


def test_a_short_curve_is_kept_and_rounded():
    found = thinned([Point(10, 1.23456, 0.5, 0.56789, 1.0), Point(15, 2.0, 0.5, math.nan, 2.0)])
    assert found.step == (10, 15)
    assert found.validation == (0.5679, None)
    assert found.loss == (1.235, 2.0)
    assert thinned([]) is None


def test_a_long_curve_is_thinned_and_its_losses_are_means_of_all_steps():
    history = [Point(2 * n, float(n), 0.5, n / 200, 1.0) for n in range(1, 151)]
    found = thinned(history)
    assert len(found.step) == len(found.validation) == len(found.loss) == 60
    assert found.step[-1] == 300
    assert found.validation[-1] == 0.75
    lengths = [b - a for a, b in zip((0, *found.step), found.step, strict=False)]
    assert {*lengths} == {4, 6}
    total = sum(length * loss for length, loss in zip(lengths, found.loss, strict=True))
    assert total == pytest.approx(2 * sum(range(1, 151)), rel=1e-3)
