"""What a result of the few-shot track costs, as the page shows it."""

from __future__ import annotations

from metabench.results.costs import mean_cost, parameters_of, train_seconds_of
from metabench.results.result import Result

__all__ = ["cost_of", "minutes_of", "parameters_of"]


def minutes_of(result: Result) -> float:
    """Of the longest training, that of the source included."""
    return train_seconds_of(result) / 60


def cost_of(result: Result, name: str) -> float | None:
    """The mean of a cost over the seeds; None where a file lacks it."""
    return mean_cost(result, name) if all(name in run.cost for run in result.runs) else None
