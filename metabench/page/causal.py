"""Boards of the track of causes as views: beliefs in the true direction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metabench.page.facts import device_of, settings, signatures_of
from metabench.page.naming import slug
from metabench.page.view import BoardView, Cell, Column, Entry, Figure
from metabench.plots.board_charts import Line, curves
from metabench.results.status import status_of

TRACK = "Causes and effects"
CHANGES = {
    "cause": "the distribution of the cause",
    "mechanism": "the distribution of the effect given the cause",
    "all": "the whole joint distribution, which favours neither direction",
}


def board(document: Mapping[str, Any], place: Path, address: str) -> BoardView:
    """The view of one document; `KeyError` and the like for one that is none.

    Args:
      document: as the present version of its track has it.
      place: `<track>/<board>/<file>.json`, where it lies.
      address: of its JSON, from the page.
    """
    name = slug("-".join(place.with_suffix("").parts))
    rotated = "angle" in document
    last = "radians from true axes" if rotated else "KL, other minus true"
    return BoardView(
        id=name,
        track=TRACK,
        title=document["protocol"]["id"],
        description=_described(document),
        columns=(
            Column("#"),
            Column("belief", meaning="In the true direction, mean over seeds and 95 % interval"),
            Column("seeds right", meaning="And the 95 % interval of their share"),
            Column(last, meaning="Mean over seeds and 95 % interval, at the end"),
            Column("status", False, "claimed, replayed or retrained"),
        ),
        entries=[_entry(document, f"{name}.1", address)],
        figures=[_figure(document, name)],
    )


def _described(document: Mapping[str, Any]) -> str:
    if "angle" in document:
        return (
            "Two numbers of which a rotation by 45° is observed. An angle, and which of the two is "
            "the cause, are learned from how fast models adapt where the mean of the cause moved."
        )
    protocol = document["protocol"]
    return (
        f"Two variables of {protocol['categories']} values. Which is the cause is learned from how "
        f"fast models of both directions adapt. Transfers change {CHANGES[protocol['change']]}."
    )


def _entry(document: Mapping[str, Any], name: str, address: str) -> Entry:
    right, belief = document["right"], document["belief"]
    rows = document.get("angle") or document["adaptation"]["backward_minus_forward"]
    share = right["count"] / right["of"]
    said = f"{right['count']} of {right['of']} ({right['low']:.0%} to {right['high']:.0%})"
    status = status_of(document)
    return Entry(
        name,
        document["learner"],
        (Cell("1", 1), _last(belief), Cell(said, share), _last(rows), Cell(status, status)),
        "trained",
        status,
        facts=[
            ("Made by", f"{document['learner_version']}, {document['environment']['commit'][:12]}"),
            ("Measured on", device_of(document["environment"])),
            ("Hyperparameters", settings(document["hyperparameters"])),
            ("Seeds", ", ".join(map(str, document["seeds"]))),
            *signatures_of(document),
        ],
        command=document["command"],
        file=address,
    )


def _last(rows: Mapping[str, Any]) -> Cell:
    mean, half = rows["mean"][-1], rows["ci95"][-1]
    return Cell(f"{mean:.3f} ± {half:.3f}", mean)


def _figure(document: Mapping[str, Any], board: str) -> Figure:
    rows = document["belief"]
    both = list(zip(rows["mean"], rows["ci95"], strict=True))
    low, high = [mean - half for mean, half in both], [mean + half for mean, half in both]
    line = Line("belief", rows["episodes"], rows["mean"], low, high)
    svg, legend = curves([line], "episode", "belief in the true direction", f"{board}-belief")
    caption = "It begins at 0.5. The band is the 95 % interval of the mean over seeds."
    return Figure(svg, "Belief by episode", caption, legend)
