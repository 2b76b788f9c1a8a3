"""Learning rates of the baselines: a grid in thirds of a decade, extended if its edge is best."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

PARTS = 3  # of a decade
FIRST, LAST = -12, 3  # thirds of decades: 10^-4 … 10^1
FURTHEST = 24  # no grid goes beyond 10^±8


class Tuned(NamedTuple):
    """The best rate, and all rates that were tried."""

    rate: float
    grid: tuple[tuple[float, float | None], ...]  # (rate, score), increasing; None: not finite


def tune(score: Callable[[float], float]) -> Tuned:
    """The rate with the lowest `score`; if it is at an edge of the grid, the grid is extended."""
    found = {power: _finite(score(rate(power))) for power in range(FIRST, LAST + 1)}
    while True:
        best = min(found, key=lambda power: _or_infinite(found[power]))
        step = {min(found): -1, max(found): 1}.get(best)
        if step is None or abs(best + step) > FURTHEST:
            break
        found[best + step] = _finite(score(rate(best + step)))
    return Tuned(rate(best), tuple((rate(power), found[power]) for power in sorted(found)))


def rate(power: int) -> float:
    """10^(power / 3), to four digits."""
    return float(f"{10 ** (power / PARTS):.4g}")


def _or_infinite(score: float | None) -> float:
    return float("inf") if score is None else score


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
