"""The numbers of learning curves, for spreadsheets and other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from metabench.training.loop import Point


def as_csv(curves: Mapping[int, Sequence[Point]]) -> str:
    """One line for each validation of each seed, with a head; empty cells are what there is not."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("seed", *Point._fields))
    for seed, points in curves.items():
        for point in points:
            writer.writerow((seed, *("" if value != value else value for value in point)))
    return text.getvalue()
