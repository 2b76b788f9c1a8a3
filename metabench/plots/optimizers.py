"""Loss curves of optimizers: median and band over the instances of a task."""

from __future__ import annotations

import io
from typing import Any


def loss_curves(document: dict[str, Any], title: str) -> bytes:
    """A PNG: one panel up to each stop of an evaluation's document, one line an optimizer."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    protocol, found = document["protocol"], document["figures"]
    stops = protocol["stops"]
    figure = Figure(figsize=(4.6 * len(stops), 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(stops), squeeze=False)[0]
    for panel, stop in zip(panels, stops, strict=True):
        for number, (name, one) in enumerate(found.items()):
            curve = one["curve"]
            end = sum(step <= stop for step in curve["steps"])
            steps, median = curve["steps"][:end], curve["median"][:end]
            colour = f"C{number}"
            panel.plot(steps, median, color=colour, label=name, linewidth=1.3)
            panel.fill_between(
                steps, curve["low"][:end], curve["high"][:end], color=colour, alpha=0.12, lw=0
            )
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("")
        panel.set(xlabel="step", title=f"{stop:,} steps", xlim=(0, stop))
        panel.grid(alpha=0.3)
        if stop > protocol["horizon"]:
            panel.axvline(protocol["horizon"], color="grey", linestyle=":", linewidth=1)
    panels[0].set_ylabel("loss")
    panels[-1].legend(fontsize="small")
    low, high = protocol["band"]
    figure.suptitle(
        f"{title}: median and {low}–{high} % band over {protocol['instances']:,} instances",
        fontsize="medium",
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format="png")
    return buffer.getvalue()
