"""The context space of a Neural Statistician."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from metabench.plots.figure import save


def context_space(
    contexts: np.ndarray, colours: Mapping[str, ArrayLike], families: Sequence[str], path: Path
) -> None:
    """Contexts [sets, size] along their two main axes, one panel for each of `colours`, as a PNG.

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
    save(figure, path, dpi=110)
