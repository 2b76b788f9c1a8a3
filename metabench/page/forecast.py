"""Boards of the forecast track as views: log-likelihoods of functions' points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from metabench.page.facts import device_of, settings, signatures_of
from metabench.page.naming import slug
from metabench.page.view import BoardView, Cell, Column, Entry, Figure
from metabench.plots.board_charts import Line, curves
from metabench.results.status import status_of

TRACK = "Forecasts of functions"
LEARNER = "learner"  # the key of the entry's own figures
REFERENCES = {
    "gp_true": "Gaussian process, true kernel",
    "gp_averaged": "Gaussian process, averaged over kernels",
    "gp_fitted": "Gaussian process, fitted kernel",
    "prior": "prior, points independent",
}
COLUMNS = (
    Column("#", meaning="Order of the means. Differences are in the columns to the right."),
    Column("log-likelihood a point", meaning="Mean in nats, and half-width of its 95 % interval"),
    Column("minus true GP", meaning="Paired difference on the same functions"),
    Column("minus fitted GP", meaning="Paired difference on the same functions"),
    Column("parameters", meaning="Learned numbers"),
    Column("training, min"),
    Column("status", False, "claimed, replayed or retrained"),
)


class _Line(NamedTuple):
    name: str
    mean: float
    cells: tuple[Cell, ...]  # after the rank
    source: Filed | None  # None: a reference


class Filed(NamedTuple):
    """A document and the address of its file."""

    document: Mapping[str, Any]
    address: str


def check(filed: Filed) -> str:
    """The id of a document's protocol; `KeyError` and the like for one that lacks anything."""
    _entry(_entry_line(filed), 1, "")
    document = filed.document
    _described(document["protocol"])
    _references(document)
    for name in (LEARNER, *(line for line in REFERENCES if line in document["log_likelihood"])):
        _curve(name, document["log_likelihood"][name])
    return str(document["protocol"]["id"])


def board(protocol: str, found: Sequence[Filed]) -> BoardView:
    """The view of all documents of one protocol; each was looked at by `check`."""
    lines = [_entry_line(one) for one in found] + _references(found[0].document)
    lines.sort(key=lambda line: -line.mean)
    name = slug(f"forecast-{protocol}")
    return BoardView(
        id=name,
        track=TRACK,
        title=protocol,
        description=_described(found[0].document["protocol"]),
        columns=COLUMNS,
        entries=[_entry(line, place, name) for place, line in enumerate(lines, start=1)],
        figures=[_figure(found, name)],
    )


def _described(protocol: Mapping[str, Any]) -> str:
    dimensions = protocol["dimensions"]
    return (
        f"{protocol['functions']:,} functions of {dimensions} "
        f"{'input' if dimensions == 1 else 'inputs'} drawn from a Gaussian process, "
        f"{protocol['points']} points each, forecast one by one; higher is better."
    )


def _entry_line(filed: Filed) -> _Line:
    document = filed.document
    own, minus = document["log_likelihood"][LEARNER], document["learner_minus"]
    minutes, count = document["run"]["train_seconds"] / 60, document["parameter_count"]
    cells = (
        _mean(own),
        _mean(minus["gp_true"]),
        _mean(minus["gp_fitted"]),
        Cell(f"{count:,}", count),
        Cell(f"{minutes:.1f}", minutes),
        Cell(status_of(document), status_of(document)),
    )
    return _Line(document["learner"], own["mean"], cells, filed)


def _references(document: Mapping[str, Any]) -> list[_Line]:
    """What the learners are compared with."""
    nothing = Cell("", None)
    return [
        _Line(text, found["mean"], (_mean(found), *[nothing] * 4, Cell("reference", None)), None)
        for key, text in REFERENCES.items()
        if (found := document["log_likelihood"].get(key)) is not None
    ]


def _mean(found: Mapping[str, float]) -> Cell:
    return Cell(f"{found['mean']:.4f} ± {found['ci95']:.4f}", found["mean"])


def _entry(line: _Line, place: int, board: str) -> Entry:
    cells = (Cell(str(place), place), *line.cells)
    name = f"{board}.{place}"
    if line.source is None:
        return Entry(name, line.name, cells, "none", "claimed", reference=True)
    document = line.source.document
    return Entry(
        name,
        line.name,
        cells,
        "trained" if document["run"]["train_steps"] else "none",
        status_of(document),
        parameters=document["parameter_count"],
        facts=[
            ("Made by", f"{document['learner_version']}, {document['environment']['commit'][:12]}"),
            ("Measured on", device_of(document["environment"])),
            ("Recipe", str(document["recipe"]["name"])),
            ("Hyperparameters", settings(document["hyperparameters"])),
            ("Seed", str(document["run"]["seed"])),
            *signatures_of(document),
        ],
        command=document["command"],
        file=line.source.address,
    )


def _figure(found: Sequence[Filed], board: str) -> Figure:
    """Log-likelihood by the number of points seen."""
    lines = [
        _curve(one.document["learner"], one.document["log_likelihood"][LEARNER]) for one in found
    ]
    known = found[0].document["log_likelihood"]
    lines += [
        _curve(text, known[key], dashed=True) for key, text in REFERENCES.items() if key in known
    ]
    svg, legend = curves(lines, "point of a function", "log-likelihood (nats)", f"{board}-steps")
    return Figure(
        svg,
        "Log-likelihood by point",
        "Each point is forecast from those before it. Bands are 95 % intervals; dotted lines are "
        "references.",
        legend,
    )


def _curve(name: str, found: Mapping[str, Any], dashed: bool = False) -> Line:
    means, widths = found["by_step"], found["by_step_ci95"]
    both = list(zip(means, widths, strict=True))
    low, high = [mean - width for mean, width in both], [mean + width for mean, width in both]
    return Line(name, range(1, len(means) + 1), means, low, high, dashed)
