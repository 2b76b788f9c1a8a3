"""Charts of one leaderboard for the HTML page: accuracies with their spread, and against costs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from metabench.plots.svg import INK, LINE, PAPER, drawing, marker, series, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from metabench.results.intervals import Interval
    from metabench.results.published_online import PublishedOnline

LETTERS = 26  # of a name
WIDTH = 4.6  # inches
SPARSE = 0.15  # of the diagonal, between the marks of a line of many points
NEAR = 16  # pixels at 100 to an inch


class Line(NamedTuple):
    """A curve with its band."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    dashed: bool = False


class Spread(NamedTuple):
    """One entry's accuracies as fractions."""

    name: str
    mean: float
    ci95: float
    seeds: Sequence[float]  # the mean of each training seed
    episodes: np.ndarray  # [episodes], the mean over seeds


class Point(NamedTuple):
    """One entry's accuracy and one of its costs."""

    place: int  # its number in the table
    accuracy: float
    cost: float
    accelerated: bool  # measured on something else than a CPU
    front: bool  # no other entry is both more accurate and cheaper


def spreads(found: Sequence[Spread], name: str) -> str:
    """A line for each entry: half and nine tenths of its episodes, its seeds, mean and interval."""
    places = range(len(found))
    names = [f"{place} {_short(one.name)}" for place, one in enumerate(found, start=1)]
    left = 0.2 + 0.073 * max(map(len, names))
    with drawing(WIDTH, 0.7 + 0.21 * len(found), left) as (figure, axes):
        shares = [np.quantile(100 * one.episodes, (0.05, 0.25, 0.75, 0.95)) for one in found]
        low, quarter, three, high = zip(*shares, strict=True)
        axes.hlines(places, low, high, color=LINE, linewidth=1)
        axes.hlines(places, quarter, three, color=LINE, linewidth=5)
        seeds = [
            (100 * seed, place - 0.32)
            for place, one in enumerate(found)
            for seed in one.seeds
            if len(one.seeds) > 1
        ]
        if seeds:
            axes.plot(
                *zip(*seeds, strict=True), linestyle="", marker=2, markersize=4, color=series(1)
            )
        axes.errorbar(
            [100 * one.mean for one in found], places, xerr=[100 * one.ci95 for one in found],
            color=series(0), linestyle="", marker="o", markersize=3.5, elinewidth=1.6,
        )  # fmt: skip
        axes.set_yticks(places, names)
        axes.set(xlabel="accuracy (%)", ylim=(len(found) - 0.4, -0.6))
        axes.tick_params("y", length=0)
        axes.grid(axis="x")
        return text(figure, name)


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def against(points: Sequence[Point], label: str, name: str, *, smallest: float) -> str:
    """Accuracy over a cost, both measured; entries on the Pareto front are joined and numbered.

    Args:
      points: costs from 0 up.
      label: of the axis of costs.
      name: of the picture, for identifiers.
      smallest: costs from here up are on a logarithmic scale.
    """
    with drawing(WIDTH, 2.9) as (figure, axes):
        front = sorted((one for one in points if one.front), key=lambda one: one.cost)
        axes.plot(
            [one.cost for one in front], [100 * one.accuracy for one in front],
            color=series(0), linewidth=1, alpha=0.7, drawstyle="steps-post",
        )  # fmt: skip
        for on_front, fast in itertools.product((False, True), repeat=2):
            same = [one for one in points if (one.front, one.accelerated) == (on_front, fast)]
            colour = series(0) if on_front else INK
            axes.plot(
                [one.cost for one in same], [100 * one.accuracy for one in same], linestyle="",
                marker="s" if fast else "o", markersize=5, color=colour,
                alpha=1 if on_front else 0.55, markerfacecolor=colour if fast else PAPER,
            )  # fmt: skip
        axes.set_xscale("symlog", linthresh=smallest, linscale=0.5)
        _decades(axes, max(one.cost for one in points), smallest)
        axes.set(xlabel=label, ylabel="accuracy (%)")
        axes.margins(y=0.12)
        axes.grid()
        for (x, y), places in _labels(axes, front):
            axes.annotate(
                ", ".join(map(str, places)), (x, y), xytext=(0, 5), textcoords="offset points",
                ha="center", fontweight="bold",
            )  # fmt: skip
        return text(figure, name)


def _labels(axes: Axes, front: Sequence[Point]) -> list[tuple[tuple[float, float], list[int]]]:
    """Where numbers stand, and which: those that would lie on one another stand together."""
    found: list[tuple[tuple[float, float], list[int]]] = []
    for one in reversed(front):  # the most accurate first
        here = one.cost, 100 * one.accuracy
        apart = [axes.transData.transform(here) - axes.transData.transform(at) for at, _ in found]
        near = [place for place, gap in enumerate(apart) if max(abs(gap)) < NEAR]
        if near:
            found[near[0]][1].append(one.place)
        else:
            found.append((here, [one.place]))
    return found


def _decades(axes: Axes, largest: float, smallest: float) -> None:
    """Ticks at zero and at the powers of ten."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    count = max(1, int(np.ceil(np.log10(max(largest, smallest) / smallest))))
    every = 1 + count // 6
    ticks = [0, *(smallest * 10.0**power for power in range(0, count + 1, every))]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
    axes.set_xlim(-0.15 * smallest, 1.6 * max(largest, smallest))


def _number(value: float) -> str:
    """1000000 as 1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def presentations(
    found: Mapping[str, Sequence[Interval]], papers: Sequence[PublishedOnline], name: str
) -> tuple[str, list[tuple[int, str]]]:
    """Online protocol: accuracy over presentations, and what the series' numbers stand for."""
    lines = [
        Line(
            entry,
            range(1, len(ones) + 1),
            [100 * one.mean for one in ones],
            [100 * (one.mean - one.ci95) for one in ones],
            [100 * (one.mean + one.ci95) for one in ones],
        )
        for entry, ones in found.items()
    ]
    for paper in papers:
        x, y = [int(number) for number in paper.accuracy], list(paper.accuracy.values())
        called = f"{paper.learner}, {paper.paper} {paper.year} (paper)"
        lines.append(Line(called, x, y, y, y, dashed=True))
    return curves(lines, "presentation of a class", "accuracy (%)", name, marks=True)


def curves(
    lines: Sequence[Line], x: str, y: str, name: str, *, marks: bool = False, log: str = ""
) -> tuple[str, list[tuple[int, str]]]:
    """Lines with their bands, and what the series' numbers stand for.

    Args:
      lines: of the picture; the dashed ones are of others.
      x: label of the axis.
      y: label of the axis.
      name: of the picture, for identifiers.
      marks: whether each point has a mark; else few have.
      log: the axes that are logarithmic: `x`, `xy` or none.
    """
    from matplotlib.ticker import NullFormatter

    with drawing(WIDTH, 3.1, 0.75) as (figure, axes):
        for number, line in enumerate(lines):
            axes.plot(
                line.x, line.y, color=series(number), linewidth=1.5, markersize=4,
                linestyle=":" if line.dashed else "-", marker=marker(number),
                markevery=1 if marks else SPARSE,
            )  # fmt: skip
            if tuple(line.low) != tuple(line.high):
                axes.fill_between(
                    line.x, line.low, line.high, color=series(number), alpha=0.15, linewidth=0
                )
        for one in log:
            axis = {"x": axes.xaxis, "y": axes.yaxis}[one]
            axes.set(**{f"{one}scale": "log"})
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        axes.set(xlabel=x, ylabel=y)
        axes.grid()
        return text(figure, name), [(number, line.name) for number, line in enumerate(lines)]
