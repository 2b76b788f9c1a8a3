"""What people read: cells, tables, the Markdown page."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_result import made_up
from rich.console import Console

from metabench import leaderboard, report

LEADERBOARDS = Path(__file__).parent.parent / "leaderboards"
FIRST = made_up("protonet", (10, 8, 10, 8))
SECOND = made_up("matching", (10, 10, 8, 8), (8, 8, 6, 6), transductive=True, parameter_count=9)


def test_percent():
    assert [report.percent(x) for x in (0.98126, 1, 0, 0.1)] == ["98.13", "100.00", "0.00", "10.00"]


def test_one_seed_is_one_line():
    assert report.result_cells(FIRST) == [("protonet", "90.00", "± 11.32", "one seed", "none")]


def test_two_seeds_are_a_line_each_and_one_together():
    assert report.result_cells(SECOND) == [
        ("seed 0", "90.00", "± 11.32", "", ""),
        ("seed 1", "70.00", "± 11.32", "", ""),
        ("matching", "80.00", "± 11.32", "14.14", "none"),
    ]


def test_the_papers_figure_is_quoted_with_the_paper():
    protocol = {"dataset": "omniglot", "split": "vinyals", "way": 5}
    ((*_, quoted),) = report.result_cells(made_up("matching", protocol=protocol))
    assert quoted == "98.1 (Vinyals et al. 2016)"


def test_board_cells():
    (rows,) = leaderboard.rank([SECOND, FIRST]).values()
    first, second = report.board_cells(rows)
    assert first == ("1", "protonet", "90.00 ± 11.32", "", "one seed", "none", "112,000", "no",
                     "1.5", "01234567")  # fmt: skip
    # Episode differences 0.1, -0.1, 0.3, 0.1: mean 0.1, variance 0.08 / 3.
    assert second == ("2", "matching", "80.00 ± 11.32", "10.00 ± 16.00", "14.14", "none", "9",
                      "yes", "1.5", "01234567")  # fmt: skip
    assert len(first) == len(report.BOARD_HEAD)


def test_a_table_shows_every_cell():
    cells = report.result_cells(SECOND)
    console = Console(width=100, file=io.StringIO())
    console.print(report.table("title", report.RESULT_HEAD, cells, "caption"))
    text = console.file.getvalue()
    for part in ("title", "caption", *filter(None, report.RESULT_HEAD), *sum(cells, ())):
        assert part in text


def test_markdown_has_a_section_for_each_group_and_the_commands():
    other = replace(FIRST, dataset_digest="f" * 64)
    boards = leaderboard.rank([FIRST, SECOND, other])
    page = report.markdown(boards)
    assert page.startswith("# Leaderboards\n\n")
    assert page.endswith("`\n")
    sections = page.split("\n## ")[1:]
    assert len(sections) == 2
    assert "Dataset digest `dddddddddddd`, episode digest `eeeeeeeeeeee`." in sections[0]
    assert "Dataset digest `ffffffffffff`" in sections[1]
    rows = [line for line in sections[0].splitlines() if line.startswith("|")]
    assert len(rows) == 4  # head, rule, two learners
    assert {row.count("|") for row in rows} == {len(report.BOARD_HEAD) + 1}
    assert "| 1 | protonet | 90.00 ± 11.32 |  | one seed |" in rows[2]
    assert "1. `metabench run --learner protonet`\n2. `metabench run --learner matching`" in page
    assert page == report.markdown(leaderboard.rank([other, SECOND, FIRST]))  # whatever the order


@pytest.mark.skipif(not list(LEADERBOARDS.glob("*/*.json")), reason="no results are committed here")
def test_the_committed_page_is_the_generated_one():
    page = report.markdown(leaderboard.rank(leaderboard.collect(LEADERBOARDS)))
    assert (LEADERBOARDS / "README.md").read_text(encoding="utf-8") == page


def test_the_cost_line_says_what_was_spent():
    assert report.cost_line(SECOND) == (
        "training 1.5 + 1.5 min, testing 250 episodes/s, adaptation 1.23 ms, 9 parameters, "
        "peak memory 988 MB"
    )
