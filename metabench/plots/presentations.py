"""The online protocol: accuracy by presentation, and the figures of papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from metabench.plots.figure import save
from metabench.results.intervals import Interval
from metabench.results.published_online import PublishedOnline


def by_presentation(
    found: Mapping[str, Sequence[Interval]],
    published: Sequence[PublishedOnline],
    title: str,
    path: Path,
) -> None:
    """Online protocol: accuracy over presentations, one line for each result, as a PNG at `path`.

    Args:
      found: name of a result -> accuracy at the 1st, 2nd, … presentation; its interval is shaded.
      published: rows of papers' tables, drawn as hollow marks on dotted lines.
      title: of the picture.
      path: of the picture.
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
    others = (f"C{number}" for number in count(len(found)))
    for row in published:
        axes.plot(
            [int(number) for number in row.accuracy],
            list(row.accuracy.values()),
            color=colours.get(row.learner) or next(others),
            linestyle=":",
            marker="o",
            fillstyle="none",
            label=f"{row.learner}, {row.paper} {row.year}",
        )
    axes.set(xlabel="presentation of a class", ylabel="accuracy (%)", ylim=(0, 100))
    axes.grid(alpha=0.3)
    axes.set_title(title, fontsize="medium")
    figure.legend(loc="outside right upper", fontsize="small")
    save(figure, path, dpi=110, metadata={"Software": None})
