"""Learning curves of a board of the few-shot track, as pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from metabench.page.view import Figure
from metabench.plots.board_charts import Line, curves
from metabench.results.ranking import Row
from metabench.results.result import Curve
from metabench.results.tables import named

MOST = 12  # entries in a picture: more lines are not told apart


def trainings(rows: Sequence[Row], board: str) -> list[Figure]:
    """Validation accuracy and training loss by step; none where no file has a curve."""
    known = [
        (name, [run.curve for run in row.result.runs if run.curve is not None])
        for name, row in zip(named(rows), rows, strict=True)
    ]
    known = [(name, found) for name, found in known if found]
    if not known:
        return []
    more = f" The first {MOST} entries that have curves are shown." if len(known) > MOST else ""
    known = known[:MOST]
    lines = [line for name, found in known for line in _lines(name, found)]
    svg, legend = curves(
        lines, "training step", "validation accuracy (%)", f"{board}-validation", log="x"
    )
    losses = [line for name, found in known for line in _losses(name, found)]
    lost, names = curves(
        losses, "training step", "training loss", f"{board}-loss", log=_log(losses)
    )
    missing = more + _without(rows)
    return [
        Figure(
            svg,
            "Learning curves: validation accuracy",
            "On the classes of the validation, which are not those of the test. Where an entry has "
            "several seeds, the line is their mean and the band holds all of them." + missing,
            legend,
        ),
        Figure(
            lost,
            "Learning curves: training loss",
            "Mean over the steps before. Learners have losses of their own: a lower line is not "
            "a better learner." + missing,
            names,
        ),
    ]


def _without(rows: Sequence[Row]) -> str:
    """How many trained entries have no curve, in a sentence."""
    without = sum(
        any(run.train_steps and run.curve is None for run in row.result.runs) for row in rows
    )
    if not without:
        return ""
    who = "1 trained entry" if without == 1 else f"{without} trained entries"
    return f" {who} of this board {'has' if without == 1 else 'have'} no curve in the result file."


def _lines(name: str, found: Sequence[Curve]) -> Iterator[Line]:
    """Accuracies in percent: one line with its band, or one for each seed if their steps differ."""
    for called, step, values in _columns(name, found, [one.validation for one in found]):
        yield _line(called, step, 100 * values)


def _losses(name: str, found: Sequence[Curve]) -> Iterator[Line]:
    for called, step, values in _columns(name, found, [one.loss for one in found]):
        yield _line(called, step, values)


def _columns(
    name: str, found: Sequence[Curve], columns: Sequence[Sequence[float | None]]
) -> Iterator[tuple[str, tuple[int, ...], np.ndarray]]:
    """Values [seeds, steps] of the seeds that have the same steps; what is no number is NaN."""
    numbers = [np.array(column, np.float64) for column in columns]
    steps = dict.fromkeys(one.step for one in found)
    for number, step in enumerate(steps, start=1):
        same = [values for one, values in zip(found, numbers, strict=True) if one.step == step]
        yield name if len(steps) == 1 else f"{name}, {number}", step, np.stack(same)


def _line(name: str, step: Sequence[int], values: np.ndarray) -> Line:
    middle = values.mean(0).tolist()
    low, high = (
        (values.min(0).tolist(), values.max(0).tolist()) if len(values) > 1 else 2 * (middle,)
    )
    return Line(name, step, middle, low, high)


def _log(lines: Sequence[Line]) -> str:
    """Both axes where all losses are above 0; a likelihood may be below."""
    return "xy" if all(value > 0 for line in lines for value in line.low) else "x"
