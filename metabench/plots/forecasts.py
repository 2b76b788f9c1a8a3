"""Functions: forecasts of some of them, and log-likelihoods by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from metabench.plots.figure import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from metabench.tracks.forecast.run import Example

METHODS = (  # names in a run's document, in words, colours, line styles
    ("gp_true", "GP, true kernel", "C0", "-"),
    ("gp_averaged", "GP, averaged over kernels", "C2", "--"),
    ("gp_fitted", "GP, fitted kernel", "C4", "-."),
    ("learner", "", "C1", "-"),
    ("prior", "constant", "0.5", ":"),
)


def forecasts_picture(
    document: Mapping[str, Any], examples: Sequence[Example], title: str
) -> bytes:
    """Forecasts of some functions, and log-likelihoods by step, as the bytes of a PNG.

    Args:
      document: of a run on functions.
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
    return png(figure, 100)


def _draw_example(axes: Axes, example: Example, learner: str) -> None:
    """Points shown, later points, and both forecasts with bands of two deviations."""
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
    # A process fitted to two points is overconfident; its low values need not be in the picture.
    least = min(min(found[name]["by_step"]) for name in ("learner", "prior", "gp_averaged"))
    most = max(found["gp_true"]["by_step"])
    axes.set(ylim=(least - 0.5, most + 0.3), xlabel="step", ylabel="log-likelihood (nats)")
    axes.set(title="mean over functions, 95 % intervals")
    axes.title.set_fontsize("small")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize="x-small", loc="lower right")
    axes.grid(alpha=0.3)
