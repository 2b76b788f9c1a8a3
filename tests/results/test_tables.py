"""What people read: cells, tables, the Markdown page."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from metabench.results import ranking, tables
from tests.made_up_result import made_up, made_up_online
from tests.places import ROOT

LEADERBOARDS = ROOT / "leaderboards"
FIRST = made_up("protonet", (10, 8, 10, 8))
SECOND = made_up("matching", (10, 10, 8, 8), (8, 8, 6, 6), transductive=True, parameter_count=9)


def test_percent():
    assert [tables.percent(x) for x in (0.98126, 1, 0, 0.1)] == ["98.13", "100.00", "0.00", "10.00"]


def test_one_seed_is_one_line():
    assert tables.result_cells(FIRST) == [("protonet", "90.00", "± 11.32", "one seed", "none")]


def test_two_seeds_are_a_line_each_and_one_together():
    assert tables.result_cells(SECOND) == [
        ("seed 0", "90.00", "± 11.32", "", ""),
        ("seed 1", "70.00", "± 11.32", "", ""),
        ("matching", "80.00", "± 11.32", "14.14", "none"),
    ]


def test_the_papers_figure_is_quoted_and_the_paper_named():
    protocol = {"dataset": "omniglot", "split": "vinyals", "way": 5}
    result = made_up("matching", protocol=protocol)
    ((*_, quoted),) = tables.result_cells(result)
    assert quoted == "98.1"
    assert tables.caption(result)[0].startswith("paper: Vinyals et al. 2016, cosine")


def test_board_cells():
    (rows,) = ranking.rank([SECOND, FIRST]).values()
    first, second = tables.board_cells(rows)
    assert first == ("1", "protonet", "90.00 ± 11.32", "", "one seed", "none")
    # Episode differences 0.1, -0.1, 0.3, 0.1: mean 0.1, variance 0.08 / 3.
    assert second == ("2", "matching", "80.00 ± 11.32", "10.00 ± 16.00", "14.14", "none")
    assert len(first) == len(tables.BOARD_HEAD)


def test_entries_of_one_learner_are_told_apart_by_the_options_that_differ():
    hyperparameters = {**FIRST.hyperparameters, "width": 1}
    other = replace(FIRST, hyperparameters=hyperparameters)
    mine = replace(FIRST, hyperparameters={**hyperparameters, "width": 2})
    (rows,) = ranking.rank([other, mine, SECOND]).values()
    names = {cells[1] for cells in tables.board_cells(rows)}
    assert names == {"protonet (width=1)", "protonet (width=2)", "matching"}


def test_details_cells():
    (rows,) = ranking.rank([SECOND, FIRST]).values()
    first, second = tables.details_cells(rows)
    assert (first[0], first[1], first[2], first[4]) == ("112,000", "no", "1.5", "01234567")
    assert (second[0], second[1]) == ("9", "yes")
    assert len(first) == len(tables.DETAILS_HEAD)


def test_a_table_shows_every_cell():
    cells = tables.result_cells(SECOND)
    console = Console(width=100, file=io.StringIO())
    console.print(tables.table(tables.RESULT_HEAD, cells))
    text = console.file.getvalue()
    for part in (*filter(None, tables.RESULT_HEAD), *sum(cells, ())):
        assert part in text


def test_markdown_has_a_section_for_each_group_and_the_commands():
    other = replace(FIRST, dataset_digest="f" * 64)
    boards = ranking.rank([FIRST, SECOND, other])
    page = tables.markdown(boards)
    assert page.startswith("# Leaderboards\n\n")
    assert page.endswith("`\n")
    sections = page.split("\n## ")[1:]
    assert len(sections) == 2
    assert "Dataset digest `dddddddddddd`, episode digest `eeeeeeeeeeee`." in sections[0]
    assert "Dataset digest `ffffffffffff`" in sections[1]
    rows = [line for line in sections[0].splitlines() if line.startswith("|")]
    assert len(rows) == 4  # head, rule, two learners
    assert {row.count("|") for row in rows} == {
        len(tables.BOARD_HEAD) + len(tables.DETAILS_HEAD) + 1
    }
    assert "| 1 | protonet | 90.00 ± 11.32 |  | one seed |" in rows[2]
    assert "1. `metabench run --learner protonet`\n2. `metabench run --learner matching`" in page
    assert page == tables.markdown(ranking.rank([other, SECOND, FIRST]))  # whatever the order


def test_an_online_board_shows_presentations_beside_the_papers():
    better = made_up_online("mann", (1, 4, 5), (1, 5, 5))
    other = made_up_online("lstm", (1, 2, 2), (1, 3, 4))
    page = tables.markdown(ranking.rank([better, other]))
    table = [line for line in page.splitlines() if line.startswith("|")][4:]
    assert table[0] == "| learner | 1. | 2. | 3. | behind the first, 2. | behind the first, 3. |"
    assert table[2] == "| mann | 20.00 ± 0.00 | 90.00 ± 19.60 | 100.00 ± 0.00 |  |  |"
    assert (
        table[3]
        == "| lstm | 20.00 ± 0.00 | 50.00 ± 19.60 | 60.00 ± 39.20 | 40.00 ± 0.00 | 40.00 ± 39.20 |"
    )
    assert any(
        "*mann (Santoro et al. 2016; " in line and "| 82.8 | 91.0 |" in line for line in table
    )
    assert f"]({better.protocol.id}/by-presentation.png)" in page


@pytest.mark.skipif(not list(LEADERBOARDS.glob("*/*.json")), reason="no results are committed here")
def test_the_committed_page_is_the_generated_one():
    page = tables.markdown(ranking.rank(ranking.collect(LEADERBOARDS)))
    assert (LEADERBOARDS / "README.md").read_text(encoding="utf-8") == page


def test_the_tested_step_is_named_where_it_is_the_last():
    recipe = {"name": "defaults", "train": {"steps": 100, "select": "last"}}
    last = made_up("matching", (10, 10, 8, 8), recipe=recipe)
    assert tables.caption(last)[0].endswith(", the last")
    rows = ranking.rank([SECOND, last])
    (board,) = rows.values()
    names = {cells[1] for cells in tables.board_cells(board)}
    assert names == {"matching (select=best)", "matching (select=last)"}
    assert {cells[3] for cells in tables.details_cells(board)} == {
        "defaults",
        "defaults, last step",
    }
    untrained = made_up("matching", recipe={"name": "defaults"})
    runs = tuple(replace(run, train_steps=0) for run in untrained.runs)
    assert len(tables.caption(replace(untrained, runs=runs))) == 1


def test_the_caption_says_what_was_spent():
    assert tables.caption(SECOND) == [
        "tested: step 50 / 50 of 100, the best on validation classes",
        "cost: training 1.5 + 1.5 min, testing 250 episodes/s, adaptation 1.23 ms, 9 parameters, "
        "peak 988 MB",
    ]
