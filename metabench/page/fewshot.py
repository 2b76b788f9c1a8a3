"""Boards of the few-shot track, the online protocol included, as views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metabench.page.costs import cost_of, minutes_of, parameters_of
from metabench.page.facts import extra_data_of, facts_of, training_of
from metabench.page.fewshot_figures import figures
from metabench.page.naming import slug
from metabench.page.view import BoardView, Cell, Column, Entry
from metabench.results.intervals import errors
from metabench.results.looks import Look
from metabench.results.published import published_for
from metabench.results.quotes import quotes
from metabench.results.ranking import Board, Row, titles
from metabench.results.status import status_of
from metabench.results.tables import board_cells, details_cells, named, percent
from metabench.types import Protocol

TRACK = "Few-shot classification"
RANKS = 1e6  # more than a board has: of ranges that begin alike, the one that ends first is first
FRONT = (
    "Where no entry of the board is as accurate and cheaper: p parameters, t training seconds, "
    "a adaptation time"
)
COLUMNS = (
    Column("#", meaning="Ranks that an entry may have, by paired tests corrected by Holm"),
    Column("accuracy %", meaning="Mean and half-width of its 95 % interval"),
    Column("behind the first", meaning="Paired difference in the same episodes. † one seed"),
    Column("seed spread", meaning="Standard deviation over training seeds"),
    Column("error, episodes", meaning="Standard error of the mean over test episodes alone"),
    Column(
        "error, seeds", meaning="Standard error over training seeds alone, if there are several"
    ),
    Column("paper %", meaning="A paper's figure that answers the same question"),
    Column("status", False, "claimed, replayed or retrained"),
    Column("front", False, FRONT),
    Column("parameters", meaning="Learned numbers"),
    Column("transductive", False, "Whether the answer to a query depends on the other queries"),
    Column("training, min", meaning="Longest of the seeds, its source included"),
    Column("adaptation, ms", meaning="To adapt to one episode"),
    Column("peak MB", meaning="Peak memory"),
    Column("device", False, "Costs on different devices are not comparable"),
)


def boards(
    found: Mapping[Board, Sequence[Row]],
    addresses: Mapping[int, str],
    looks: Mapping[int, Sequence[Look]],
) -> list[BoardView]:
    """A view of each board.

    Args:
      found: ranked rows.
      addresses: `id` of a result -> the address of its JSON, from the page.
      looks: `id` of a result -> what lies beside its file.
    """
    views = []
    for board, title in titles(found).items():
        rows, name = found[board], slug(title)
        protocol = rows[0].result.protocol
        views.append(
            BoardView(
                id=name,
                track=TRACK,
                title=title,
                description=described(protocol),
                columns=COLUMNS,
                entries=_entries(rows, name, addresses, looks),
                figures=figures(rows, name),
                notes=dict(quotes(named(rows))),
                digests=_digests(board),
            )
        )
    return views


def described(protocol: Protocol) -> str:
    """A protocol in a sentence."""
    online = protocol.labels is not None
    kind = (
        f"streams of {protocol.way} classes, each shown {protocol.query} times, with the label a "
        "step late; accuracy is over all presentations"
        if online
        else f"{protocol.way} classes with {protocol.shot} labelled "
        f"{'image' if protocol.shot == 1 else 'images'} each, {protocol.query} "
        f"{'query' if protocol.query == 1 else 'queries'} a class"
    )
    start = f"{protocol.dataset}, split {protocol.split}, {protocol.image_size} pixels"
    after = f", meta-trained under {protocol.trained_on}" if protocol.trained_on else ""
    within = ", classes of one alphabet" if protocol.within_alphabet else ""
    count = f"{protocol.episodes:,} test {'streams' if online else 'episodes'}"
    return f"{start}{after}: {kind}{within}; {count}."


def _entries(
    rows: Sequence[Row],
    board: str,
    addresses: Mapping[int, str],
    looks: Mapping[int, Sequence[Look]],
) -> list[Entry]:
    lines = zip(rows, named(rows), board_cells(rows), details_cells(rows), strict=True)
    entries = []
    for place, (row, name, line, details) in enumerate(lines, start=1):
        result = row.result
        entries.append(
            Entry(
                id=f"{board}.{place}",
                name=name,
                cells=_cells(row, line, details),
                training=training_of(result),
                status=status_of(result),
                transductive=result.transductive,
                extra_data=extra_data_of(result),
                parameters=parameters_of(result),
                facts=facts_of(result),
                command=result.command,
                file=addresses.get(id(result), ""),
                looks=looks.get(id(result), ()),
            )
        )
    return entries


def _cells(row: Row, line: Sequence[str], details: Sequence[str]) -> list[Cell]:
    """One for each of `COLUMNS`, in their order."""
    result, paper = row.result, published_for(row.result)
    adaptation, peak = cost_of(result, "adaptation_ms"), cost_of(result, "peak_memory_mb")
    status, apart = status_of(result), errors(result)
    device = str(result.environment.get("device", {}).get("kind", "unknown"))
    return [
        Cell(line[0], row.best + row.worst / RANKS),
        Cell(line[2], row.accuracy.mean),
        Cell(line[3] or "first", 0.0 if row.behind is None else row.behind.mean),
        Cell(line[4], row.seed_spread),
        _percent(apart.episodes),
        _percent(apart.seeds),
        Cell(line[5], None if paper is None else paper.accuracy),
        Cell(status, status),
        Cell(line[7], line[7] or None),
        Cell(details[0], parameters_of(result)),
        Cell(details[1], details[1]),
        Cell(details[2], minutes_of(result)),
        Cell("unknown" if adaptation is None else f"{adaptation:.3g}", adaptation),
        Cell("unknown" if peak is None else f"{peak:,.0f}", peak),
        Cell(device, device),
    ]


def _percent(error: float | None) -> Cell:
    return Cell("" if error is None else percent(error), error)


def _digests(board: Board) -> str:
    """What identifies the data of a board."""
    parts = zip(
        ("dataset", "episodes", "split", "training", "training split"), board[1:], strict=True
    )
    return ", ".join(f"{name} {digest[:12]}" for name, digest in parts if digest)
