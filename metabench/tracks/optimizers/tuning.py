"""Hyperparameters of the baselines: a grid of rates, then closer around the best of them.

The grid is in thirds of a decade and grows if its edge is best. From its best rate on, the second
hyperparameter takes its other values, and each of them goes down to its own best third of a decade.
Around the best pair, steps of rates are then halved: the best rate is often next to the first one
that diverges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

PARTS = 3  # of a decade
FIRST, LAST = -12, 3  # thirds of decades: 10^-4 … 10^1
FURTHEST = 24  # no rate goes beyond 10^±8
FINER = (0.5, 0.25, 0.125)  # steps in thirds of decades, one after the other


class Trial(NamedTuple):
    """A pair of hyperparameters that was tried."""

    rate: float
    second: float
    scores: tuple[float | None, ...]  # after each of the numbers of steps; None: not finite


class Search(NamedTuple):
    """The outcome."""

    best: tuple[Trial, ...]  # for each number of steps
    trials: tuple[Trial, ...]  # all of them, in increasing order


def search(
    score: Callable[[float, float], Sequence[float]], values: Sequence[float] = (0.0,)
) -> Search:
    """The pairs with the lowest scores.

    Args:
      score: `score(rate, second)`: one number for each number of steps; lower is better.
      values: of the second hyperparameter, the usual one first.
    """
    tried: dict[tuple[float, float], tuple[float | None, ...]] = {}

    def at(power: float, second: float, column: int) -> float:
        if (power, second) not in tried:
            tried[power, second] = tuple(_finite(one) for one in score(rate(power), second))
        found = tried[power, second][column]
        return float("inf") if found is None else found

    def down(power: float, second: float, column: int, step: float) -> float:
        """From `power` on, `step` by `step`, to where both neighbours are no better.

        Where it diverges, lower rates are tried until one does not.
        """
        while at(power, second, column) == float("inf") and power - step >= -FURTHEST:
            power -= step
        while True:
            near = [p for p in (power, power - step, power + step) if abs(p) <= FURTHEST]
            best = min(near, key=lambda p: at(p, second, column))
            if best == power:
                return power
            power = best

    grid = [float(third) for third in range(FIRST, LAST + 1)]
    for third in grid:
        at(third, values[0], 0)
    best = []
    for column in range(len(next(iter(tried.values())))):
        start = min(grid, key=lambda p: at(p, values[0], column))
        ends = [(down(start, second, column, 1), second) for second in values]
        power, second = min(ends, key=lambda pair: at(pair[0], pair[1], column))
        for step in FINER:
            near = (power, power - step, power + step)
            power = min(near, key=lambda p: at(p, second, column))
        best.append((power, second))
    trials = {pair: Trial(rate(pair[0]), pair[1], tried[pair]) for pair in sorted(tried)}
    return Search(tuple(trials[pair] for pair in best), tuple(trials.values()))


def rate(power: float) -> float:
    """10^(power / 3), to four digits."""
    return float(f"{10 ** (power / PARTS):.4g}")


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
