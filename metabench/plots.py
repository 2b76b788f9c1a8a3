"""Pictures of a run. matplotlib is imported when one is drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metabench.evaluate import Summary
from metabench.leaderboard import PublishedOnline
from metabench.train import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from metabench.regression import Example

METHODS = (  # names in a regression's document, in words, colours, line styles
    ("gp_true", "GP, true kernel", "C0", "-"),
    ("gp_averaged", "GP, averaged over kernels", "C2", "--"),
    ("gp_fitted", "GP, fitted kernel", "C4", "-."),
    ("learner", "", "C1", "-"),
    ("prior", "constant", "0.5", ":"),
)


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
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def by_presentation(
    found: Mapping[str, Sequence[Summary]],
    published: Sequence[PublishedOnline],
    title: str,
    path: Path,
) -> None:
    """Online protocol: accuracy over presentations, one line for each result, as a PNG at `path`.

    Args:
      found: name of a result -> accuracy at the 1st, 2nd, … presentation; its interval is shaded.
      published: rows of papers' tables, drawn as hollow marks on dotted lines.
      title: above the picture.
      path: where to.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    colours = {name.split(" ")[0]: f"C{number}" for number, name in enumerate(found)}
    for number, (name, line) in enumerate(found.items()):
        places = range(1, len(line) + 1)
        mean = [100 * one.mean for one in line]
        axes.plot(places, mean, color=f"C{number}", marker=".", label=name)
        low, high = ([100 * (one.mean + sign * one.ci95) for one in line] for sign in (-1, 1))
        axes.fill_between(places, low, high, color=f"C{number}", alpha=0.2, linewidth=0)
    for number, row in enumerate(published, start=len(found)):
        axes.plot(
            [int(number) for number in row.accuracy],
            list(row.accuracy.values()),
            color=colours.get(row.learner, f"C{number}"),
            linestyle=":",
            marker="o",
            fillstyle="none",
            label=f"{row.learner}, {row.paper} {row.year}",
        )
    axes.set(xlabel="presentation of a class", ylabel="accuracy (%)", ylim=(0, 100))
    axes.grid(alpha=0.3)
    axes.set_title(title, fontsize="medium")
    figure.legend(loc="outside right upper", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def forecasts_picture(
    document: Mapping[str, Any], examples: Sequence[Example], title: str
) -> bytes:
    """Forecasts of some functions, and log-likelihoods by step, as the bytes of a PNG.

    Args:
      document: of a regression run.
      examples: functions of one input; may be none.
      title: of the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = 3.2 * len(examples) + 4.8
    figure = Figure(figsize=(width, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(1, len(examples) + 1, width_ratios=[*[1] * len(examples), 1.5])
    for number, example in enumerate(examples):
        axes = figure.add_subplot(grid[0, number])
        _draw_example(axes, example, document["learner"])
        if number == 0:
            figure.legend(loc="outside lower left", ncols=4, fontsize="small")
    _draw_by_step(figure.add_subplot(grid[0, len(examples)]), document)
    figure.suptitle(title, fontsize="medium")
    content = io.BytesIO()
    figure.savefig(content, dpi=100, format="png")
    return content.getvalue()


def _draw_example(axes: Axes, example: Example, learner: str) -> None:
    """Points shown and to come, and both forecasts with bands of two deviations."""
    for forecast, colour, name in (
        (example.gp, "C0", "GP, true kernel"),
        (example.learner, "C1", learner),
    ):
        mean, band = np.asarray(forecast.mean), 2 * np.asarray(forecast.deviation)
        axes.fill_between(example.xs, mean - band, mean + band, color=colour, alpha=0.2, lw=0)
        axes.plot(example.xs, mean, color=colour, label=f"{name}, ± 2 σ")
    axes.plot(*example.later.T, ".", color="0.55", markersize=4, label="points to come")
    axes.plot(*example.seen.T, "ko", markersize=4, label="points shown")
    axes.set(xlabel="x", ylabel="y", title=f"after {len(example.seen)} points")
    axes.title.set_fontsize("small")


def _draw_by_step(axes: Axes, document: Mapping[str, Any]) -> None:
    """Mean log-likelihood at each step, with 95 % intervals over functions."""
    from matplotlib.ticker import MaxNLocator

    found = document["log_likelihood"]
    for name, words, colour, style in METHODS:
        mean, half = (np.array(found[name][one]) for one in ("by_step", "by_step_ci95"))
        steps = np.arange(1, len(mean) + 1)
        label = words or document["learner"]
        axes.plot(steps, mean, color=colour, linestyle=style, label=label)
        axes.fill_between(steps, mean - half, mean + half, color=colour, alpha=0.2, lw=0)
    # A fitted process is surer than two points allow; where that ends does not matter.
    least = min(min(found[name]["by_step"]) for name in ("learner", "prior", "gp_averaged"))
    most = max(found["gp_true"]["by_step"])
    axes.set(ylim=(least - 0.5, most + 0.3), xlabel="step", ylabel="log-likelihood (nats)")
    axes.set(title="mean over functions, 95 % intervals")
    axes.title.set_fontsize("small")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize="x-small", loc="lower right")
    axes.grid(alpha=0.3)
