"""How the belief in the true direction grows, and the speed of adaptation or the encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from metabench.plots.figure import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def causal_picture(document: Mapping[str, Any]) -> bytes:
    """A PNG of a document of the track: means over seeds with their 95 % intervals."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    belief = document["belief"]
    _line(left, belief["episodes"], belief, "C0", "")
    left.axhline(0.5, color="0.5", linestyle=":", linewidth=1)
    left.set(xlabel="episode", ylabel="belief in the true direction", ylim=(-0.03, 1.03))
    if "angle" in document:
        angle = document["angle"]
        _line(right, angle["episodes"], angle, "C1", "")
        right.set(xlabel="episode", ylabel="radians from the true axes", ylim=(0, np.pi / 4 + 0.03))
    else:
        rows = document["adaptation"]
        _line(right, rows["examples"], rows["forward"], "C0", "cause → effect (true)")
        _line(right, rows["examples"], rows["backward"], "C3", "effect → cause")
        right.set(xlabel="examples of the transfer distribution", ylabel="KL to it (nats)")
        right.set_ylim(bottom=0)
        right.legend(fontsize="small")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    title = f"{document['protocol']['id']}, {len(document['seeds'])} seeds, 95 % intervals"
    figure.suptitle(title, fontsize="medium")
    return png(figure, 120)


def _line(axes: Axes, x: Sequence[int], rows: Mapping[str, Any], colour: str, name: str) -> None:
    mean, half = np.array(rows["mean"]), np.array(rows["ci95"])
    axes.plot(x, mean, color=colour, label=name)
    axes.fill_between(x, mean - half, mean + half, color=colour, alpha=0.2, lw=0)
