"""The numbers of learning curves."""

import math

from metabench.training.curves import as_csv
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
