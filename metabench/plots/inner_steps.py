"""What happens within the inner steps of a learner."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from metabench.plots.figure import save


def inner_steps(found: Mapping[str, np.ndarray], title: str, path: Path) -> None:
    """A panel for each name, median and bands over episodes and values, as a PNG at `path`.

    Args:
      found: [episodes, inner steps, any number] by name.
      title: above all.
      path: of the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(3.4 * len(found) + 0.4, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, (name, values) in zip(panels, found.items(), strict=True):
        steps = np.arange(1, values.shape[1] + 1)
        flat = values.transpose(1, 0, 2).reshape(len(steps), -1)
        low, lower, middle, upper, high = np.quantile(flat, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
        axes.fill_between(steps, low, high, color="C0", alpha=0.15, label="5 to 95 %")
        axes.fill_between(steps, lower, upper, color="C0", alpha=0.3, label="25 to 75 %")
        axes.plot(steps, middle, color="C0", marker=".", label="median")
        axes.set(xlabel="inner step", title=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize="small")
    figure.suptitle(title, fontsize="medium")
    save(figure, path, dpi=130)
