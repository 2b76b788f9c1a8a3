"""How often the gate errs, from the counts that were kept. Nothing is trained here.

A repetition of the whole gate draws a baseline and fresh seeds for each learner from the seeds that
were kept, without replacement, and judges them as `metabench regress` does. Learners are trained
independently, so their seeds may be put together in any way; but repetitions share the kept seeds,
and are less independent than their number says. The interval is Wilson's for that number, so it is
too narrow where few seeds were kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmarks.gate.tier import SEEDS
from metabench.guard.verdicts import ALPHA, DROPPED, MARGIN, MORE, Fresh, suspicious, verdicts
from metabench.results.result import Result


class Rate(NamedTuple):
    """A share of repetitions, with Wilson's 95 % interval."""

    alarms: int
    repetitions: int

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share."""
        n, z = self.repetitions, 1.96
        share = self.alarms / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        """For people."""
        low, high = self.interval
        return (
            f"{self.alarms} of {self.repetitions} ({100 * self.alarms / self.repetitions:.2f} %, "
            f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
        )


def repetition(
    results: Mapping[str, Result],
    counts: Mapping[str, np.ndarray],
    faulty: Mapping[str, np.ndarray],
    generator: np.random.Generator,
) -> set[str]:
    """The learners that one repetition of the gate finds dropped.

    Args:
      results: a document of each learner, of which the counts are replaced.
      counts: [seeds, episodes] of each learner, without a fault.
      faulty: the same with a fault, of the learners that it is tried on.
      generator: draws the seeds.
    """
    found = {}
    for name, rows in counts.items():
        order = generator.permutation(len(rows))
        base = rows[order[:SEEDS]]
        other = faulty.get(name)
        rest = rows[order[SEEDS:]] if len(rows) > SEEDS else rows
        fresh = rest if other is None else other[generator.permutation(len(other))]
        found[name] = _judged(results[name], base, fresh)
    return {one.name for one in verdicts(found, MARGIN, ALPHA) if one.status == DROPPED}


def _judged(result: Result, base: np.ndarray, fresh: np.ndarray) -> Fresh:
    run = result.runs[0]
    runs = tuple(replace(run, seed=n, correct=tuple(row)) for n, row in enumerate(base.tolist()))
    again = replace(result, runs=runs)

    def with_seeds(number: int) -> Fresh:
        rows = fresh[:number].tolist()
        return Fresh(again, tuple(map(tuple, rows)), tuple(range(len(rows))))

    seeds, found = 1, with_seeds(1)
    for more in MORE:
        if not suspicious(found, MARGIN):
            break
        seeds += more
        found = with_seeds(seeds)  # all that there are, where fewer were kept
    return found
