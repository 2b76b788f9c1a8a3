"""Sets of images, the images that describe each set best, and samples given each set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metabench.plots.figure import save

if TYPE_CHECKING:
    from metabench.tracks.statistician.image_sets import Sampled


def image_sets(found: Sampled, path: Path) -> None:
    """A line for each set: its images, the chosen ones framed, and samples; a PNG at `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sets, members = found.images.shape[:2]
    figure = Figure(figsize=(0.62 * (2 * members + 1), 0.62 * sets + 0.35), layout="constrained")
    FigureCanvasAgg(figure)
    widths = [1.0] * members + [0.35] + [1.0] * members
    grid = figure.add_gridspec(sets, 2 * members + 1, width_ratios=widths)
    for line in range(sets):
        for column in range(members):
            for first, images in ((0, found.images), (members + 1, found.samples)):
                axes = figure.add_subplot(grid[line, first + column])
                axes.imshow(np.squeeze(images[line, column]), cmap="gray_r")
                axes.set(xticks=[], yticks=[])
                taken = first == 0 and column in found.chosen[line]
                for spine in axes.spines.values():
                    spine.set(color="C3" if taken else "0.8", linewidth=2.0 if taken else 0.5)
                if line == 0 and column == members // 2:
                    axes.set_title("set" if first == 0 else "samples given it", fontsize="small")
    save(figure, path, dpi=130)
