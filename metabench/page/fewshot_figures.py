"""Pictures of a board of the few-shot track."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from metabench.page.costs import cost_of, minutes_of, parameters_of
from metabench.page.curves import trainings
from metabench.page.view import Figure
from metabench.plots import board_charts
from metabench.plots.board_charts import Point, Spread
from metabench.results.intervals import by_presentation
from metabench.results.published_online import online_differences, published_online
from metabench.results.ranking import Row
from metabench.results.result import Result
from metabench.results.tables import named


class Cost(NamedTuple):
    """An axis of cost."""

    id: str
    label: str
    of: Callable[[Result], float | None]
    smallest: float  # of the logarithmic part of the axis


def _adaptation_ms(result: Result) -> float | None:
    return cost_of(result, "adaptation_ms")


MANY = 14  # lines of a tall picture
COSTS = (
    Cost("training", "training (minutes)", minutes_of, 0.1),
    Cost("adaptation", "adaptation to an episode (ms)", _adaptation_ms, 0.01),
    Cost("parameters", "parameters", parameters_of, 1000),
)


def figures(rows: Sequence[Row], board: str) -> list[Figure]:
    """Accuracies with their spread, by presentation, learning curves, and against each cost."""
    found = [_spread(rows, board), *_online(rows, board), *trainings(rows, board)]
    if len(rows) > 1:
        found += [one for cost in COSTS if (one := _against(rows, cost, board)) is not None]
    return found


def _spread(rows: Sequence[Row], board: str) -> Figure:
    lines = [
        Spread(
            name,
            row.accuracy.mean,
            row.accuracy.ci95,
            [run.accuracy for run in row.result.runs],
            row.result.per_episode().mean(0),
        )
        for name, row in zip(named(rows), rows, strict=True)
    ]
    return Figure(
        board_charts.spreads(lines, f"{board}-spread"),
        "Accuracy, and its spread over episodes and seeds",
        "Dot and bar: mean and 95 % interval. Thick grey line: the middle half of the episodes; "
        "thin: the middle nine tenths. Ticks above a line: training seeds, where there are "
        "several.",
        tall=len(rows) > MANY,
    )


def _online(rows: Sequence[Row], board: str) -> list[Figure]:
    """Accuracy by presentation; nothing under other protocols."""
    protocol = rows[0].result.protocol
    if protocol.labels is None:
        return []
    found = {name: by_presentation(result) for name, result in named(rows).items()}
    differences = online_differences(protocol)
    papers = [] if differences else published_online(protocol)
    svg, legend = board_charts.presentations(found, papers, f"{board}-presentations")
    apart = f" Papers' figures differ in their conditions: {'; '.join(differences)}."
    return [
        Figure(
            svg,
            "Accuracy by presentation of a class",
            "The first presentation is a guess. Bands are 95 % intervals; dotted lines are papers' "
            "figures. These are no k-shot figures." + (apart if differences else ""),
            legend,
        )
    ]


def _against(rows: Sequence[Row], cost: Cost, board: str) -> Figure | None:
    """Accuracy over one cost; None where fewer than two entries tell it."""
    known = [
        (place, row.accuracy.mean, price, _accelerated(row.result))
        for place, row in enumerate(rows, start=1)
        if (price := cost.of(row.result)) is not None
    ]
    if len(known) < 2:
        return None
    points = [
        Point(place, mean, price, fast, not any(_beats(other, (mean, price)) for other in known))
        for place, mean, price, fast in known
    ]
    svg = board_charts.against(points, cost.label, f"{board}-{cost.id}", smallest=cost.smallest)
    front = [f"{rows[one.place - 1].result.learner} ({one.place})" for one in points if one.front]
    devices = {one.accelerated for one in points}
    return Figure(
        svg,
        f"Accuracy against {cost.label}",
        "Joined is the Pareto front, with the places in the ranking: "
        f"{', '.join(front)}. No entry is both more accurate and cheaper than one of these."
        + (" Circles: measured on a CPU; squares: on an accelerator." if True in devices else "")
        + (" Costs on different devices are not comparable." if len(devices) > 1 else ""),
    )


def _beats(other: tuple[int, float, float, bool], mine: tuple[float, float]) -> bool:
    """Whether another entry is at least as accurate and as cheap, and better in one of the two."""
    accuracy, price = other[1], other[2]
    return accuracy >= mine[0] and price <= mine[1] and (accuracy, price) != mine


def _accelerated(result: Result) -> bool:
    return result.environment.get("device", {}).get("platform", "cpu") != "cpu"
