"""What the entries of a board cost, and which of them nobody beats in both accuracy and cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from metabench.results.result import Result, SeedRun


def parameters_of(result: Result) -> int | None:
    """How many numbers were learned; None where an older file does not count those of a source."""
    unknown = result.recipe.get("source") is not None and result.parameter_count == 0
    return None if unknown else result.parameter_count


def train_seconds(run: SeedRun) -> float:
    """Of meta-training and of the source's training, where there is one."""
    return run.cost["train_seconds"] + run.cost.get("source_seconds", 0.0)


def train_seconds_of(result: Result) -> float:
    """Of the longest training of the seeds."""
    return max(map(train_seconds, result.runs))


def train_flops_of(result: Result) -> float | None:
    """Floating-point operations of the longest training; None where a file does not count them.

    Those of the source's training are among them, where they were counted.
    """
    found = [
        run.cost["train_flops"] + run.cost.get("source_flops", 0.0)
        for run in result.runs
        if "train_flops" in run.cost
    ]
    return max(found, default=None)


def mean_cost(result: Result, name: str) -> float:
    """The mean over the seeds of a cost that every file has."""
    return sum(run.cost[name] for run in result.runs) / len(result.runs)


# The axes of the Pareto fronts.
AXES: Mapping[str, Callable[[Result], float | None]] = {
    "parameters": parameters_of,
    "training": train_seconds_of,
    "adaptation": lambda result: mean_cost(result, "adaptation_ms"),
}


def fronts(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """For each result the axes of `AXES` on whose Pareto front it is, among all `results`.

    It is on the front if no other one is at least as accurate and costs at most as much, with one
    of the two better.
    """
    means = [result.accuracy for result in results]
    found: list[list[str]] = [[] for _ in results]
    for axis, cost_of in AXES.items():
        costs = [cost_of(result) for result in results]
        points = [(mean, cost) for mean, cost in zip(means, costs, strict=True) if cost is not None]
        for axes, mean, cost in zip(found, means, costs, strict=True):
            if cost is not None and not any(_beats(one, (mean, cost)) for one in points):
                axes.append(axis)
    return [tuple(axes) for axes in found]


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Each is an accuracy and a cost."""
    return one != other and one[0] >= other[0] and one[1] <= other[1]
