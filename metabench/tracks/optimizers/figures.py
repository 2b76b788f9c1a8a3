"""From runs to figures: losses at horizons, areas, divergence, Adam's steps, paired differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from metabench.scoring.summary import half_width
from metabench.tracks.optimizers.rollout import Runs

CAP = 1e6  # a loss that is larger, or not a number, counts as this much
BAND = (10, 90)  # percentiles


def of_runs(runs: Runs, stops: tuple[int, ...]) -> list[dict[str, Any]]:
    """Figures at each of `stops`: final loss, area under the curve, share that diverged."""
    rows = []
    for number, stop in enumerate(stops):
        final = capped(runs.measured[:, number + 1])
        area = capped(runs.losses[:, 1 : stop + 1]).mean(1)
        low, median, high = np.percentile(final, (BAND[0], 50, BAND[1]))
        rows.append(
            {
                "steps": stop,
                "final_loss": {
                    **mean_and_interval(final),
                    "median": digits(median),
                    "band": [digits(low), digits(high)],
                },
                "area": mean_and_interval(area),
                "diverged": float(diverged(runs, number).mean()),
            }
        )
    return rows


def diverged(runs: Runs, number: int) -> np.ndarray:
    """Which instances [n] are not better at stop `number` than before the first step."""
    return ~(runs.measured[:, number + 1] < runs.measured[:, 0])


def capped(losses: np.ndarray) -> np.ndarray:
    """In float64, at most `CAP`."""
    found = np.nan_to_num(np.asarray(losses, np.float64), nan=CAP, posinf=CAP, neginf=CAP)
    return np.minimum(found, CAP)


def mean_and_interval(values: np.ndarray) -> dict[str, float]:
    """The mean and the half-width of its 95 % interval."""
    return {"mean": digits(values.mean()), "ci95": digits(float(half_width(values)))}


def paired(mine: Runs, other: Runs, stops: tuple[int, ...]) -> list[dict[str, Any]]:
    """At each of `stops`: final loss of `mine` minus that of `other`, instance by instance."""
    rows = []
    for number, stop in enumerate(stops):
        ours, theirs = (capped(runs.measured[:, number + 1]) for runs in (mine, other))
        difference = mean_and_interval(ours - theirs)
        rows.append({"steps": stop, **difference, "lower": float((ours < theirs).mean())})
    return rows


def steps_to_reach(curve: np.ndarray, level: float) -> int | None:
    """The first step at which a median curve is at or below `level`; None if it never is."""
    reached = np.flatnonzero(curve <= level)
    return int(reached[0]) if reached.size else None


def median_curve(runs: Runs) -> np.ndarray:
    """The median loss at each step, [steps + 1]."""
    return np.median(capped(runs.losses), axis=0)


def shown_steps(stops: tuple[int, ...]) -> list[int]:
    """The steps in a result file: all up to the first stop, then every tenth."""
    first, last = stops[0], stops[-1]
    return [*range(first + 1), *range(first + 10, last + 1, 10)]


def curve(runs: Runs, stops: tuple[int, ...]) -> dict[str, list[float]]:
    """Median and band at the shown steps."""
    losses = capped(runs.losses)[:, shown_steps(stops)]
    low, median, high = np.percentile(losses, (BAND[0], 50, BAND[1]), axis=0)
    named = {"low": low, "median": median, "high": high}
    return {name: [digits(value) for value in values] for name, values in named.items()}


def digits(value: float) -> float:
    """Five significant digits."""
    return float(f"{value:.5g}")
