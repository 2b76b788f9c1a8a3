"""Pictures of a run. matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from metabench.train import Point


def learning_curve(curves: Mapping[int, Sequence[Point]], title: str, path: Path) -> None:
    """Loss and accuracies over training steps, one line for each seed, as a PNG at `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for number, (seed, points) in enumerate(curves.items()):
        steps = [point.step for point in points]
        colour, name = f"C{number}", f"seed {seed}"
        left.plot(steps, [point.loss for point in points], color=colour, marker=".", label=name)
        accuracy = [100 * point.validation_accuracy for point in points]
        right.plot(steps, accuracy, color=colour, marker=".", label=f"{name}, validation")
        training = [100 * point.train_accuracy for point in points]
        right.plot(steps, training, color=colour, linestyle=":", label=f"{name}, training episodes")
        best = max(points, key=lambda point: point.validation_accuracy)
        right.plot(
            best.step, 100 * best.validation_accuracy, marker="*", markersize=12, color=colour
        )
    positive = all(point.loss > 0 for points in curves.values() for point in points)
    left.set(xlabel="training step", ylabel="training loss (cross-entropy, nats)")
    if positive:
        left.set_yscale("log")
        left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        left.yaxis.set_major_formatter("{x:g}")
        left.yaxis.set_minor_formatter(NullFormatter())
    right.set(xlabel="training step", ylabel="accuracy (%)")
    right.legend(loc="lower right", fontsize="small", title="★ selected", title_fontsize="small")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.suptitle(title, fontsize="medium")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def context_space(
    contexts: np.ndarray, colours: Mapping[str, ArrayLike], families: Sequence[str], path: Path
) -> None:
    """Contexts [sets, size] along their two main axes, once for each of `colours`, as a PNG.

    `colours` maps a panel's name to a number for each set; whole numbers are those of `families`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    centred = contexts - contexts.mean(0)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    places = centred @ axes[:2].T
    share = np.square(lengths[:2]).sum() / np.square(lengths).sum()
    figure = Figure(figsize=(4.2 * len(colours), 3.9), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, (name, values) in zip(
        figure.subplots(1, len(colours), squeeze=False)[0], colours.items(), strict=True
    ):
        numbers = np.asarray(values)
        if np.issubdtype(numbers.dtype, np.integer):
            for number, family in enumerate(families):
                chosen = numbers == number
                panel.scatter(*places[chosen].T, s=7, color=f"C{number}", label=family)
            panel.legend(fontsize="x-small")
        else:
            dots = panel.scatter(*places.T, s=7, c=numbers, cmap="viridis")
            figure.colorbar(dots, ax=panel)
        panel.set(title=name, xlabel="first main axis", ylabel="second main axis")
        panel.grid(alpha=0.3)
    figure.suptitle(f"contexts of {len(contexts)} sets ({100 * share:.0f} % of their variance)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


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
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
