"""From runs to figures: losses at horizons, areas, divergence, Adam's steps, paired differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from metabench.tracks.optimizers.crossed import mean_of
from metabench.tracks.optimizers.rollout import Runs

CAP = 1e6  # a loss that is larger, or not a number, counts as this much
BAND = (10, 90)  # percentiles


def of_runs(by_stop: Sequence[Sequence[Runs]], stops: Sequence[int]) -> list[dict[str, Any]]:
    """Figures at each of `stops`: final loss, area under the curve, share that diverged.

    Args:
      by_stop: for each stop the runs of each training seed, on the same instances, which end there.
      stops: numbers of steps.
    """
    rows = []
    for stop, runs in zip(stops, by_stop, strict=True):
        final, area = finals(runs), np.stack([capped(one.losses[:, 1:]).mean(1) for one in runs])
        low, median, high = np.percentile(final, (BAND[0], 50, BAND[1]))
        row: dict[str, Any] = {
            "steps": stop,
            "final_loss": {
                **mean_and_interval(final),
                "median": digits(median),
                "band": [digits(low), digits(high)],
            },
            "area": mean_and_interval(area),
            "diverged": float(np.mean([diverged(one) for one in runs])),
        }
        if len(runs) > 1:
            row["final_loss"]["of_seeds"] = [digits(one) for one in final.mean(1)]
        rows.append(row)
    return rows


def finals(runs: Sequence[Runs]) -> np.ndarray:
    """Losses at the end, [seeds, instances]."""
    return np.stack([capped(one.measured[:, -1]) for one in runs])


def scores(by_stop: Sequence[Sequence[Runs]]) -> list[list[list[float]]]:
    """Losses at the end of each stop, seed and instance."""
    return [[[digits(one) for one in row] for row in finals(runs)] for runs in by_stop]


def diverged(runs: Runs) -> np.ndarray:
    """Which instances [n] are not better at the end than before the first step."""
    return ~(runs.measured[:, -1] < runs.measured[:, 0])


def capped(losses: np.ndarray) -> np.ndarray:
    """In float64, at most `CAP`."""
    found = np.nan_to_num(np.asarray(losses, np.float64), nan=CAP, posinf=CAP, neginf=CAP)
    return np.minimum(found, CAP)


def mean_and_interval(values: np.ndarray) -> dict[str, float]:
    """The mean of [seeds, instances] and the half-width of its 95 % interval."""
    found = mean_of(values)
    return {"mean": digits(found.mean), "ci95": digits(found.ci95)}


def paired(
    mine: Sequence[Sequence[Runs]], other: Sequence[Sequence[Runs]], stops: Sequence[int]
) -> list[dict[str, Any]]:
    """At each of `stops`: final loss of `mine` minus that of `other`, instance by instance.

    Args:
      mine: for each stop, the runs of each training seed.
      other: for each stop, one run on the same instances, or as many.
      stops: numbers of steps.
    """
    rows = []
    for stop, ours, theirs in zip(stops, mine, other, strict=True):
        difference = finals(ours) - finals(theirs)
        found = mean_of(difference)
        row: dict[str, Any] = {
            "steps": stop,
            "mean": digits(found.mean),
            "ci95": digits(found.ci95),
            "p": digits(found.p),
            "lower": float((difference < 0).mean()),
        }
        if found.freedom is not None:
            row["degrees_of_freedom"] = digits(found.freedom)
            row["seeds"] = [mean_and_interval(one[None]) for one in difference]
        rows.append(row)
    return rows


def below_all(rows: Iterable[Sequence[Mapping[str, Any]]], stops: Sequence[int]) -> list[int]:
    """The stops at which all paired differences, interval included, are below 0.

    Each test is at 5 % (2.5 % on this side). That all hypotheses must be rejected makes the whole
    no more likely by chance, so it needs no correction for their number.
    """
    columns = zip(*rows, strict=True)
    found = [all(one["mean"] + one["ci95"] < 0 for one in column) for column in columns]
    return [stop for stop, below in zip(stops, found, strict=True) if below]


def steps_to_reach(curve: np.ndarray, level: float) -> int | None:
    """The first step at which a median curve is at or below `level`; None if it never is."""
    reached = np.flatnonzero(curve <= level)
    return int(reached[0]) if reached.size else None


def median_curve(runs: Sequence[Runs]) -> np.ndarray:
    """The median loss over seeds and instances at each step, [steps + 1]."""
    return np.median(np.concatenate([capped(one.losses) for one in runs]), axis=0)


def shown_steps(stops: Sequence[int]) -> list[int]:
    """The steps in a result file: all up to the first stop, then every tenth to the last."""
    first, last = stops[0], stops[-1]
    return [*range(first + 1), *range(first + 10, last + 1, 10)]


def curve(runs: Sequence[Runs], stops: Sequence[int]) -> dict[str, Any]:
    """Median and band over seeds and instances at the shown steps, and these steps."""
    steps = shown_steps(stops)
    losses = np.concatenate([capped(one.losses)[:, steps] for one in runs])
    low, median, high = np.percentile(losses, (BAND[0], 50, BAND[1]), axis=0)
    named = {"low": low, "median": median, "high": high}
    found = {name: [digits(value) for value in values] for name, values in named.items()}
    return {"steps": list(steps), **found}


def digits(value: float) -> float:
    """Five significant digits."""
    return float(f"{value:.5g}")
