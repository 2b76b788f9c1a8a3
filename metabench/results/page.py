"""All leaderboards as one Markdown page. No ranking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from metabench.results.intervals import by_presentation, paired_at
from metabench.results.published_online import (
    PublishedOnline,
    online_differences,
    published_online,
)
from metabench.results.quotes import APART, quotes
from metabench.results.ranking import Board, Row, titles
from metabench.results.tables import (
    BOARD_HEAD,
    DETAILS_HEAD,
    LEGEND,
    Cells,
    board_cells,
    details_cells,
    difference,
    named,
    plus_minus,
)
from metabench.types import Protocol

PRESENTATIONS = (1, 2, 3, 4, 5, 10)  # those of the papers' tables
HEADING = "# Leaderboards"
ONLINE_PICTURE = "by-presentation.png"  # beside the result files


def markdown(boards: Mapping[Board, Sequence[Row]]) -> str:
    """The page, a section for each board."""
    parts = [
        HEADING,
        "Made by `metabench leaderboard --markdown leaderboards/README.md` from the result files "
        "in the folders beside this page; never edited by hand.",
        f"Accuracy is the mean over test episodes and training seeds. {LEGEND} *Behind the first* "
        "is the mean difference in the same episodes; *seed spread* is the standard deviation over "
        "training seeds; *episode error* and *seed error* are the standard errors that come from "
        "the choice of the episodes and of the seeds; *paper* is a figure that answers the same "
        "question, and the lists below a table say how the conditions of papers' figures differ. "
        "*Training* counts the learner on whose embedding an entry builds, too. What is tested is "
        "the best step on the validation "
        "classes, unless *recipe* says that it is the last step. How intervals and ranks are made: "
        "[docs/protocols.md](../docs/protocols.md#intervals-and-ranks).",
    ]
    for board, title in titles(boards).items():
        parts += _section(board, title, boards[board])
    return "\n\n".join(parts) + "\n"


def _section(board: Board, title: str, rows: Sequence[Row]) -> list[str]:
    lines = zip(board_cells(rows), details_cells(rows), strict=True)
    joined = [(*line, *details) for line, details in lines]
    commands = [f"{place}. `{row.result.command}`" for place, row in enumerate(rows, start=1)]
    return [
        f"## {title}",
        _digests(board),
        markdown_table((*BOARD_HEAD, *DETAILS_HEAD), joined),
        *_online_part(rows),
        *(_listed(heading, found) for heading, found in quotes(named(rows))),
        _listed("Commands, in the order of the table", commands, mark=""),
    ]


def _digests(board: Board) -> str:
    """What identifies the data of a board; that of the training where it is another one."""
    parts = [("Dataset", board.dataset), ("episode", board.episodes), ("split", board.split)]
    if board.training not in (None, board.dataset):
        parts += [("training", board.training), ("training split", board.training_split)]
    return ", ".join(f"{name} digest `{digest[:12]}`" for name, digest in parts if digest) + "."


def _listed(heading: str, lines: Iterable[str], mark: str = "- ") -> str:
    return f"{heading}:\n\n" + "\n".join(f"{mark}{line}" for line in lines)


def _online_part(rows: Sequence[Row]) -> list[str]:
    """Online protocol: accuracy by presentation, the papers', and a picture; else nothing."""
    protocol = rows[0].result.protocol
    if protocol.labels is None:
        return []
    shown = [number for number in PRESENTATIONS if number <= protocol.query]
    compared = (shown[1], shown[-1])
    behind = [f"behind the first, {number}." for number in compared]
    head = ["learner", *(f"{number}." for number in shown), *behind]
    return [
        "Accuracy % at the k-th presentation of a class; these are no k-shot figures "
        "([docs/protocols.md](../docs/protocols.md#the-online-protocol)).",
        markdown_table(head, _online_lines(rows, shown, compared)),
        *_online_apart(protocol),
        f"![accuracy by presentation]({protocol.id}/{ONLINE_PICTURE})",
    ]


def _online_lines(
    rows: Sequence[Row], shown: Sequence[int], compared: Sequence[int]
) -> list[Cells]:
    """A line for each result, then for each row of the papers' tables."""
    lines: list[Cells] = []
    for name, result in named(rows).items():
        found = by_presentation(result)
        cells = [plus_minus(found[n - 1]) for n in shown]
        first = rows[0].result
        gaps = [None if result is first else paired_at(first, result, n) for n in compared]
        lines.append([name, *cells, *map(difference, gaps)])
    protocol = rows[0].result.protocol
    papers = [] if online_differences(protocol) else published_online(protocol)
    return lines + [[*_paper_line(paper, shown), *("" for _ in compared)] for paper in papers]


def _paper_line(paper: PublishedOnline, shown: Sequence[int]) -> Cells:
    note = f"; {paper.note}" if paper.note else ""
    name = f"*{paper.learner} ({paper.paper} {paper.year}{note})*"
    return (name, *(str(paper.accuracy.get(str(number), "")) for number in shown))


def _online_apart(protocol: Protocol) -> list[str]:
    """Papers' tables that answer another question than `protocol`, with the differences."""
    differences = online_differences(protocol)
    if not differences or not published_online(protocol):
        return []
    lines = [
        f"{paper.learner} ({paper.paper} {paper.year}): "
        + ", ".join(f"{figure} at the {number}." for number, figure in paper.accuracy.items())
        for paper in published_online(protocol)
    ]
    return [_listed(f"{APART} ({'; '.join(differences)})", lines)]


def markdown_table(head: Cells, lines: Iterable[Cells]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
