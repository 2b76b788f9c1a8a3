"""Leaderboards for other programs: one record for each entry, as CSV, JSON or LaTeX. No ranking."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from metabench.results.published import published_for
from metabench.results.ranking import Board, Row, titles
from metabench.results.tables import BOARD_HEAD, board_cells, named, train_seconds

Format: TypeAlias = Literal["text", "csv", "json", "latex"]

# What LaTeX does not take as it is. One pass: no replacement is replaced again.
LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "±": r"$\pm$",
        "†": r"$^\dagger$",
        "×": r"$\times$",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    }
)


def exported(boards: Mapping[Board, Sequence[Row]], form: Format) -> str:
    """The boards in this form, which is not `text`."""
    return {"csv": _csv, "json": _json, "latex": _latex}[form](boards)


def records(boards: Mapping[Board, Sequence[Row]]) -> list[dict[str, Any]]:
    """One flat record for each entry; accuracies are fractions, None is what there is not."""
    return [
        _record(board, row, name)
        for board, rows in boards.items()
        for name, row in zip(named(rows), rows, strict=True)
    ]


def _record(board: Board, row: Row, name: str) -> dict[str, Any]:
    result, behind, paper = row.result, row.behind, published_for(row.result)
    return {
        "protocol": board.protocol,
        "dataset_digest": board.dataset,
        "episode_digest": board.episodes,
        "split_digest": result.split_digest,
        "rank": row.rank,
        "tied": row.tied,
        "learner": result.learner,
        "name": name,
        "accuracy": row.accuracy.mean,
        "ci95": row.accuracy.ci95,
        "behind_first": None if behind is None else behind.mean,
        "behind_first_ci95": None if behind is None else behind.ci95,
        "seeds": len(result.runs),
        "seed_spread": row.seed_spread,
        "paper_percent": None if paper is None else paper.accuracy,
        "parameters": result.parameter_count,
        "transductive": result.transductive,
        "train_seconds": max(map(train_seconds, result.runs)),
        "recipe": result.recipe["name"],
        "commit": result.environment["commit"],
        "command": result.command,
    }


def _csv(boards: Mapping[Board, Sequence[Row]]) -> str:
    found, text = records(boards), io.StringIO()
    writer = csv.DictWriter(text, found[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def _json(boards: Mapping[Board, Sequence[Row]]) -> str:
    return json.dumps(records(boards), indent=2, ensure_ascii=False) + "\n"


def _latex(boards: Mapping[Board, Sequence[Row]]) -> str:
    """A `table` for each board; needs the package booktabs."""
    return "\n".join(
        _tabular(title, board_cells(boards[board])) for board, title in titles(boards).items()
    )


def _tabular(title: str, lines: Sequence[Sequence[str]]) -> str:
    rows = [" & ".join(cell.translate(LATEX) for cell in line) + r" \\" for line in lines]
    head = " & ".join(cell.translate(LATEX) for cell in BOARD_HEAD) + r" \\"
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{title.translate(LATEX)}}}",
            rf"\begin{{tabular}}{{ll{'r' * (len(BOARD_HEAD) - 2)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )
