"""Sets of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from metabench.plots.figure import save


def point_sets(rows: Mapping[str, Sequence[np.ndarray]], path: Path) -> None:
    """Sets of points [points, 2] in [-1, 1], a column for each set, as a PNG at `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(len(sets) for sets in rows.values())
    figure = Figure(figsize=(0.9 * columns + 1.2, 0.95 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, sets) in zip(grid, rows.items(), strict=True):
        for panel, points in zip(line, sets, strict=True):
            panel.scatter(*points.T, s=3 if len(points) > 10 else 14, color="C0")
            panel.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[], aspect="equal")
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize="small")
    save(figure, path, dpi=110)
