"""Boards of the optimizer track as views: a learned optimizer and its tuned baselines on a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metabench.page.facts import device_of, settings, signatures_of
from metabench.page.naming import slug
from metabench.page.view import BoardView, Cell, Column, Entry, Figure
from metabench.plots.board_charts import Line, curves
from metabench.plots.optimizers import label
from metabench.results.status import status_of

TRACK = "Learned optimizers"
SMALLEST = 1e-9  # of a loss on a logarithmic axis


def board(document: Mapping[str, Any], place: Path, address: str) -> BoardView:
    """The view of one evaluation; `KeyError` and the like for a document that is none.

    Args:
      document: as the present version of its track has it.
      place: `<track>/<board>/<file>.json`, where it lies.
      address: of its JSON, from the page.
    """
    protocol, task = document["protocol"], document["task"]
    name = slug("-".join(place.with_suffix("").parts))
    seeds = protocol.get("training_seeds", 1)
    return BoardView(
        id=name,
        track=TRACK,
        title=f"{task} ({place.stem})",
        description=(
            f"Training on task {task}: the loss after some steps, over "
            f"{protocol['instances']:,} instances and {seeds} training "
            f"{'seed' if seeds == 1 else 'seeds'} of the learned optimizer; lower is better. "
            f"The training had {protocol['horizon']} steps in view."
        ),
        columns=_columns(document),
        entries=_entries(document, name, address),
        figures=[_figure(document, name)],
        digests=f"data {digest[:12]}" if (digest := document.get("dataset_digest")) else "",
        entrant="optimizer",
    )


def _columns(document: Mapping[str, Any]) -> list[Column]:
    stops = document["protocol"]["stops"]
    losses = [Column(f"loss, step {stop:,}", meaning="Mean and 95 % interval") for stop in stops]
    minus = f"lstm minus it, step {stops[0]:,}"
    return [
        Column("#", meaning=f"Order of the losses at step {stops[0]:,}"),
        *losses,
        Column(minus, meaning="Paired difference on the same instances; negative: lstm is lower"),
        Column("diverged", meaning=f"Share of the instances, step {stops[0]:,}"),
        Column("rate", meaning="The tuned learning rate"),
        Column("status", False, "claimed, replayed or retrained"),
    ]


def _entries(document: Mapping[str, Any], board: str, address: str) -> list[Entry]:
    figures = document["figures"]
    order = sorted(figures, key=lambda key: figures[key]["at"][0]["final_loss"]["mean"])
    return [
        _entry(document, key, place, f"{board}.{place}", address)
        for place, key in enumerate(order, start=1)
    ]


def _entry(document: Mapping[str, Any], key: str, place: int, name: str, address: str) -> Entry:
    tuned = document["tuning"]["baselines"].get(key)
    cells = _cells(document, key, place, tuned)
    if tuned is not None:
        return Entry(name, label(document, key), cells, "none", "claimed", reference=True)
    optimizer = document["optimizer"]
    return Entry(
        name,
        label(document, key),
        cells,
        "trained",
        status_of(document),
        facts=[
            ("Trained by", str(optimizer["command"])),
            ("Trained on", f"{optimizer['task']}, seed {optimizer['seed']}"),
            ("Recipe", f"{optimizer['recipe']}: {settings(optimizer['plan'])}"),
            ("Measured on", device_of(document["environment"])),
            *signatures_of(document),
        ],
        command=document["command"],
        file=address,
    )


def _cells(
    document: Mapping[str, Any], key: str, place: int, tuned: Mapping[str, Any] | None
) -> list[Cell]:
    found = document["figures"][key]
    losses = [one["final_loss"] for one in found["at"]]
    minus = document.get("lstm_minus", {}).get(key)
    lost = found["at"][0]["diverged"]
    return [
        Cell(str(place), place),
        *(Cell(f"{loss['mean']:.4g} ± {loss['ci95']:.2g}", loss["mean"]) for loss in losses),
        Cell("", None)
        if minus is None
        else Cell(f"{minus[0]['mean']:+.4g} ± {minus[0]['ci95']:.2g}", minus[0]["mean"]),
        Cell(f"{lost:.0%}", lost),
        Cell("learned", None) if tuned is None else Cell(f"{tuned['rate']:.3g}", tuned["rate"]),
        Cell(status_of(document), status_of(document))
        if tuned is None
        else Cell("reference", None),
    ]


def _figure(document: Mapping[str, Any], board: str) -> Figure:
    """Loss curves to the last stop, the learned optimizer first."""
    tuned = document["tuning"]["baselines"]
    order = sorted(document["figures"], key=lambda key: (key in tuned, key))
    lines = [_line(label(document, key), document["figures"][key], key in tuned) for key in order]
    svg, legend = curves(lines, "step", "loss", f"{board}-curves", log="xy")
    low, high = document["protocol"]["band"]
    return Figure(
        svg,
        "Learning curves",
        f"Median over the instances; the band, of learned optimizers, holds the {low}th to the "
        f"{high}th percentile. Dotted lines are tuned baselines, at their rate for the last step.",
        legend,
    )


def _line(name: str, found: Mapping[str, Any], tuned: bool) -> Line:
    """One optimizer's curve from step 1: step 0 has no place on a logarithmic axis."""
    curve = found["curves"][-1] if "curves" in found else found["curve"]
    median = [max(value, SMALLEST) for value in curve["median"][1:]]
    low = median if tuned else [max(value, SMALLEST) for value in curve["low"][1:]]
    high = median if tuned else curve["high"][1:]
    return Line(name, curve["steps"][1:], median, low, high, tuned)
