"""Loss curves of optimizers: median and band over the instances of a task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from metabench.plots.figure import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEEPEST = 0.3  # the lower end of the picture, as a share of the lowest median


def loss_curves(document: Mapping[str, Any], title: str) -> bytes:
    """A PNG: one panel for each stop of an evaluation's document, one line for each optimizer."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    protocol, found = document["protocol"], document["figures"]
    stops = protocol["stops"]
    figure = Figure(figsize=(4.6 * len(stops), 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(stops), squeeze=False)[0]
    for place, (panel, stop) in enumerate(zip(panels, stops, strict=True)):
        for number, (name, one) in enumerate(found.items()):
            _draw(panel, _curve(one, place), stop, f"C{number}", label(document, name))
        _scale(panel, [_curve(one, place) for one in found.values()], stop)
        panel.set(xlabel="step", title=f"{stop:,} steps", xlim=(0, stop))
        panel.grid(alpha=0.3)
        if stop > protocol["horizon"]:
            panel.axvline(protocol["horizon"], color="grey", linestyle=":", linewidth=1)
    panels[0].set_ylabel("loss")
    panels[0].legend(fontsize="small")
    low, high = protocol["band"]
    seeds = protocol.get("training_seeds", 1)
    trained = f" and {seeds} trainings of the lstm" if seeds > 1 else ""
    count = f"{protocol['instances']:,} instances{trained}"
    what = f"median and {low}–{high} % band over {count}"
    figure.suptitle(f"{title}\n{what}", fontsize="medium")
    return png(figure, 120)


def label(document: Mapping[str, Any], name: str) -> str:
    """How an optimizer is called beside its figures."""
    if name != "lstm_reset":
        return name.replace("_linear", ", linear decay")
    return f"lstm, state reset every {document['reset']['every']} steps (ours)"


def _curve(found: Mapping[str, Any], place: int) -> Mapping[str, Any]:
    """The curve of the runs to stop number `place`; in most cases one curve serves all."""
    return found["curves"][place] if "curves" in found else found["curve"]


def _draw(panel: Axes, curve: Mapping[str, Any], stop: int, colour: str, name: str) -> None:
    end = sum(step <= stop for step in curve["steps"])
    steps = curve["steps"][:end]
    panel.plot(steps, curve["median"][:end], color=colour, label=name, linewidth=1.3)
    panel.fill_between(
        steps, curve["low"][:end], curve["high"][:end], color=colour, alpha=0.12, lw=0
    )


def _scale(panel: Axes, curves: Iterable[Mapping[str, Any]], stop: int) -> None:
    """A logarithmic axis from the first losses to the lowest band, if medians are near it."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    curves = list(curves)
    ends = [sum(step <= stop for step in curve["steps"]) for curve in curves]
    both = list(zip(curves, ends, strict=True))
    lowest = max(min(min(curve["median"][:end]) for curve, end in both), 1e-12)
    highest = max(curve["high"][0] for curve in curves)
    lowest_band = min(min(curve["low"][:end]) for curve, end in both)
    bottom, top = max(DEEPEST * lowest, 0.95 * lowest_band), 1.05 * highest
    panel.set_yscale("log")
    panel.set_ylim(bottom, top)
    powers = range(math.floor(math.log10(bottom)), math.ceil(math.log10(top)) + 1)
    parts = (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [part * 10.0**power for power in powers for part in parts]
    if sum(bottom <= one <= top for one in ticks) < 3:
        ticks = list(MaxNLocator(5).tick_values(bottom, top))
    panel.yaxis.set_major_locator(FixedLocator([one for one in ticks if bottom <= one <= top]))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter("{x:g}")
