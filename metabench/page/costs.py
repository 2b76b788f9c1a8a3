"""What a result of the few-shot track costs, as the page shows it."""

from __future__ import annotations

from metabench.results.result import Result
from metabench.results.tables import train_seconds


def minutes_of(result: Result) -> float:
    """Of the longest training, that of the source included."""
    return max(map(train_seconds, result.runs)) / 60


def cost_of(result: Result, name: str) -> float | None:
    """The mean of a cost over the seeds; None where a file lacks it."""
    found = [run.cost[name] for run in result.runs if name in run.cost]
    return sum(found) / len(found) if found else None


def parameters_of(result: Result) -> int | None:
    """How many numbers were learned; None where an older file does not count those of a source."""
    unknown = result.recipe.get("source") is not None and result.parameter_count == 0
    return None if unknown else result.parameter_count
