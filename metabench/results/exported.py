"""Leaderboards for other programs: a record for each entry as CSV or JSON, tables as LaTeX.

No ranking.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from metabench.results.costs import mean_cost, train_flops_of, train_seconds_of
from metabench.results.intervals import errors
from metabench.results.published import published_for
from metabench.results.ranking import Board, Row, titles
from metabench.results.status import status_of
from metabench.results.tables import BOARD_HEAD, board_cells, named

Format: TypeAlias = Literal["table", "markdown", "csv", "latex", "json"]

# What LaTeX does not take as it is. One pass: no replacement is replaced again.
LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "±": r"$\pm$",
        "†": r"$^\dagger$",
        "×": r"$\times$",
        "\n": " ",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    }
)


def exported(boards: Mapping[Board, Sequence[Row]], form: Format) -> str:
    """The boards in this form, which is not `table`."""
    if form == "markdown":
        from metabench.results.page import markdown

        return markdown(boards)
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
    apart = errors(result)
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
        "train_seconds": train_seconds_of(result),
        "recipe": result.recipe["name"],
        "commit": result.environment["commit"],
        "command": result.command,
        "worst_rank": row.worst,
        "status": status_of(result),
        "extra_data": (result.claims or {}).get("extra_data"),
        "episode_error": apart.episodes,
        "seed_error": apart.seeds,
        "train_flops": train_flops_of(result),
        "adaptation_ms": mean_cost(result, "adaptation_ms"),
        "peak_memory_mb": max(run.cost["peak_memory_mb"] for run in result.runs),
        "pareto_parameters": "parameters" in row.fronts,
        "pareto_training": "training" in row.fronts,
        "pareto_adaptation": "adaptation" in row.fronts,
    }


def _csv(boards: Mapping[Board, Sequence[Row]]) -> str:
    return csv_of(records(boards))


def csv_of(found: Sequence[Mapping[str, Any]]) -> str:
    """Records with the same names, a line for each, and a head."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def _json(boards: Mapping[Board, Sequence[Row]]) -> str:
    return json.dumps(records(boards), indent=2, ensure_ascii=False) + "\n"


def _latex(boards: Mapping[Board, Sequence[Row]]) -> str:
    """A `table` for each board; needs the package booktabs."""
    return "\n".join(
        tabular(title, BOARD_HEAD, board_cells(boards[board]))
        for board, title in titles(boards).items()
    )


def tabular(title: str, columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A LaTeX `table`: two columns to the left, the others to the right."""
    rows = [" & ".join(cell.translate(LATEX) for cell in line) + r" \\" for line in lines]
    head = " & ".join(cell.translate(LATEX) for cell in columns) + r" \\"
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{title.translate(LATEX)}}}",
            rf"\begin{{tabular}}{{ll{'r' * (len(columns) - 2)}}}",
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
