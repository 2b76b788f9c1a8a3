"""Examples of each class, and the images that a learner takes for that class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metabench.plots.figure import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from metabench.tracks.fewshot.predict import Examples, Predictions

SUPPORTS, TAKEN, CLASSES = 5, 10, 20  # at most: images of each kind in a line, and lines
LETTERS = 24  # of a name


def predictions(support: Examples, found: Predictions, path: Path) -> None:
    """A line for each class: its examples, then what is taken for it, the surest first; a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = range(min(len(found.classes), CLASSES))
    left = min(max(support.counts), SUPPORTS)
    figure = Figure(figsize=(0.8 * (left + TAKEN + 2.8), 0.95 * len(shown) + 0.4), dpi=100)
    FigureCanvasAgg(figure)
    widths = [2.4, *[1.0] * left, 0.4, *[1.0] * TAKEN]
    grid = figure.add_gridspec(
        len(shown), len(widths), width_ratios=widths, hspace=0.5, left=0.01, right=0.99,
        top=1 - 0.4 / (0.95 * len(shown) + 0.4), bottom=0.02,
    )  # fmt: skip
    best = found.probabilities.argmax(1)
    for line in shown:
        name = figure.add_subplot(grid[line, 0])
        name.set_axis_off()
        name.text(0.95, 0.5, _short(found.classes[line]), ha="right", va="center", fontsize=7)
        examples = support.images[support.labels == line][:left]
        for column, image in enumerate(examples, start=1):
            _draw(figure.add_subplot(grid[line, column]), image, "")
        sure = np.flatnonzero(best == line)
        sure = sure[np.argsort(-found.probabilities[sure, line])][:TAKEN]
        for column, place in enumerate(sure, start=left + 2):
            chance = f"{100 * found.probabilities[place, line]:.0f} %"
            _draw(figure.add_subplot(grid[line, column]), found.images[place], chance)
    figure.suptitle("examples of each class, and the images taken for it", fontsize="medium")
    save(figure, path, dpi=120)


def _short(name: str) -> str:
    """The name, without its middle where it is long."""
    return name if len(name) <= LETTERS else f"{name[: LETTERS // 2]}…{name[-LETTERS // 2 :]}"


def _draw(axes: Axes, image: np.ndarray, title: str) -> None:
    axes.imshow(np.squeeze(image), cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize="x-small", pad=2)
    for spine in axes.spines.values():
        spine.set(color="0.8", linewidth=0.5)
