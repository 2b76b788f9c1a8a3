"""The numbers of learning curves: whole for spreadsheets, thinned for a result document."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np

from metabench.results.result import Curve
from metabench.training.loop import Point

ROWS = 60  # at most, of a thinned curve


def as_csv(curves: Mapping[int, Sequence[Point]]) -> str:
    """One line for each validation of each seed, with a head; empty cells are what there is not."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("seed", *Point._fields))
    for seed, points in curves.items():
        for point in points:
            writer.writerow((seed, *("" if value != value else value for value in point)))
    return text.getvalue()


def thinned(history: Sequence[Point], rows: int = ROWS) -> Curve | None:
    """At most `rows` of the validations, evenly spread, the last among them; None of none.

    Accuracies have four decimals, losses four digits. A loss is the mean over all steps since the
    row before, those of validations that are left out included.
    """
    if not history:
        return None
    steps = np.array([point.step for point in history])
    losses = np.array([point.loss for point in history])
    sums = np.cumsum(losses * np.diff(steps, prepend=0))
    kept = np.linspace(0, len(history), min(rows, len(history)) + 1).round().astype(int)[1:] - 1
    means = np.diff(sums[kept], prepend=0) / np.diff(steps[kept], prepend=0)
    found = [history[place].validation for place in kept]
    return Curve(
        step=tuple(steps[kept].tolist()),
        validation=tuple(None if math.isnan(value) else round(value, 4) for value in found),
        loss=tuple(float(f"{value:.4g}") for value in means),
    )
