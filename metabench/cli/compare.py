"""`metabench compare`: two results of one board, episode by episode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from metabench.cli import board_options
from metabench.cli.listing import format_of

if TYPE_CHECKING:
    from metabench.results.compared import Comparison

HEAD = (
    "A", "B", "A %", "B %", "A - B", "p", "told apart", "episodes needed", "seeds needed"
)  # fmt: skip


def compare(
    a: board_options.One,
    b: board_options.Other,
    folder: board_options.Folder = Path("leaderboards"),
    form: board_options.Form = "table",
) -> None:
    """Compare two results in the same episodes: are they told apart, and what would be needed?"""
    form = format_of(form)
    from metabench.results import compared
    from metabench.results.exported import csv_of, tabular
    from metabench.results.page import markdown_table

    found = compared.compare(a, b, folder)
    if form == "table":
        print(found)
    elif form == "json":
        print(json.dumps(found.record(), indent=2, ensure_ascii=False))
    elif form == "csv":
        print(csv_of([found.record()]), end="")
    elif form == "latex":
        print(tabular(found.protocol, HEAD, [_cells(found)]), end="")
    else:
        print(markdown_table(HEAD, [_cells(found)]))


def _cells(found: Comparison) -> list[str]:
    """The line of a table with one line."""
    from metabench.results.tables import difference, plus_minus

    one_seed = found.difference.one_seed
    return [
        *found.names,
        *map(plus_minus, found.accuracies),
        difference(found.difference),
        f"{found.p_value:.2g}",
        "yes" if found.told_apart else "no",
        _number(found.needed.episodes),
        _number(found.needed.seeds, "unknown" if one_seed else "none"),
    ]


def _number(number: int | None, otherwise: str = "none") -> str:
    return otherwise if number is None else f"{number:,}"
