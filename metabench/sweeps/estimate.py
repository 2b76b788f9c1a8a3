"""How long runs will take, from the costs of earlier results of the same learner."""

from __future__ import annotations

from collections.abc import Sequence

from metabench.results.costs import train_seconds
from metabench.results.result import Result, SeedRun
from metabench.sweeps.cells import Cell


def hours_of(cell: Cell, earlier: Sequence[Result]) -> float | None:
    """The hours of one seed of a cell; None where no result of its learner is known.

    Results under the same protocol go before others. Training grows with the number of steps,
    testing with that of episodes; the time of a source's training is taken as it was.
    """
    same = [one for one in earlier if one.learner == cell.learner]
    under = [one for one in same if one.protocol.id == cell.protocol.id]
    found = [
        seconds
        for one in under or same
        for run in one.runs
        if (seconds := _seconds(cell, run)) is not None
    ]
    return sum(found) / len(found) / 3600 if found else None


def _seconds(cell: Cell, run: SeedRun) -> float | None:
    """Of one seed, if its time is that of an earlier one."""
    rate = run.cost["test_episodes_per_second"]
    testing = cell.protocol.episodes / rate if rate else 0.0
    if not cell.steps:
        return testing + train_seconds(run)
    if not run.train_steps:
        return None
    source = run.cost.get("source_seconds", 0.0)
    return testing + source + run.cost["train_seconds"] * cell.steps / run.train_steps
