"""The curves as one picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.growth.curves import CURVES
from metabench.plots.figure import save

COLUMNS = 3


def draw(found: Mapping[str, Any], path: Path) -> None:
    """A small chart for each curve: milliseconds for a task, both axes in powers."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = {name: curve for name, curve in CURVES.items() if found.get(name)}
    lines = dict.fromkeys(line for curve in shown.values() for line in curve.lines)
    colours = {line: f"C{number}" for number, line in enumerate(lines)}
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 3.3 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
    for axes, (name, curve) in zip(every, shown.items(), strict=False):
        for line, points in found[name].items():
            there = {int(x): one["ms"] for x, one in points.items() if "ms" in one}
            axes.plot(
                list(there), list(there.values()), marker="o", ms=4, color=colours[line], label=line
            )
        xs = sorted({int(x) for points in found[name].values() for x in points})
        axes.set(xscale="log", yscale="log", xlabel=curve.axis, ylabel="ms for a task")
        axes.set_xticks(xs, [f"{x:,}" for x in xs])
        axes.minorticks_off()
        axes.set_title(curve.title, fontsize="medium")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="x-small")
    for axes in every[len(shown) :]:
        axes.set_visible(False)
    save(figure, path, dpi=110)
