"""The learning curve of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from metabench.plots.figure import save
from metabench.training.loop import Point


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
        accuracy = [100 * point.validation for point in points]
        right.plot(steps, accuracy, color=colour, marker=".", label=f"{name}, validation")
        training = [100 * point.train_accuracy for point in points]
        right.plot(steps, training, color=colour, linestyle=":", label=f"{name}, training episodes")
        best = max(points, key=lambda point: point.validation)
        right.plot(best.step, 100 * best.validation, marker="*", markersize=12, color=colour)
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
    save(figure, path, dpi=130)
