"""What people read in terminals: cells and tables."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from metabench.results import ranking, tables
from metabench.results.intervals import overall, paired
from metabench.results.status import signed
from tests.made_up_result import made_up

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
        ("matching", "80.00", f"± {tables.percent(overall(SECOND).ci95)}", "14.14", "none"),
    ]


def test_the_papers_figure_is_quoted_and_the_paper_named():
    protocol = {"dataset": "omniglot", "split": "vinyals", "way": 5}
    result = made_up("matching", protocol=protocol)
    ((*_, quoted),) = tables.result_cells(result)
    assert quoted == "98.1"
    _, interval, heading, line, *_, cost = tables.caption(result)
    assert interval == (
        "interval: over test episodes; one training seed, so it says nothing of another one"
    )
    assert heading == "Papers' figures, and how their conditions differ:"
    assert line.startswith("  matching: 98.1 (Vinyals et al. 2016): split: 1,200 / 423 characters")
    assert cost.startswith("cost: ")


def test_a_figure_under_other_conditions_is_listed_and_not_in_the_table():
    protocol = {"dataset": "omniglot", "split": "vinyals", "way": 5, "within_alphabet": True}
    result = made_up("matching", protocol=protocol)
    ((*_, quoted),) = tables.result_cells(result)
    assert quoted == "none"
    heading, line, *_ = tables.caption(result)[2:]
    assert heading == "Papers' figures under other conditions:"
    assert line == (
        "  matching: 98.1 (Vinyals et al. 2016): classes of an episode of any alphabet, here of "
        "one alphabet"
    )


def test_board_cells():
    (rows,) = ranking.rank([SECOND, FIRST]).values()
    first, second = tables.board_cells(rows)
    assert first == (
        "1-2", "protonet", "90.00 ± 11.32", "", "one seed", "none", "claimed", "p t a"
    )  # fmt: skip
    accuracy, gap = overall(SECOND), paired(FIRST, SECOND)
    behind = f"10.00 ± {tables.percent(gap.ci95)}†"  # the first has one seed
    assert second[2:6] == (f"80.00 ± {tables.percent(accuracy.ci95)}", behind, "14.14", "none")
    assert second[-1] == "p"
    assert len(first) == len(tables.BOARD_HEAD)
    assert tables.fitting(first, 120) == first
    assert tables.fitting(first, 80) == first[:6]


def test_the_status_is_in_the_table():
    replayed = signed(FIRST, "replayed", who="A", when="2026", where="here", tasks=4)
    (rows,) = ranking.rank([replayed, SECOND]).values()
    assert [line[6] for line in tables.board_cells(rows)] == ["replayed", "claimed"]


def test_ties_and_single_seeds_are_marked():
    other = made_up("maml", (10, 8, 9, 9))
    trained = replace(other, learner="pixel_nn")
    pixels = replace(trained, runs=tuple(replace(run, train_steps=0) for run in trained.runs))
    last = made_up("anil", (2, 2, 3, 3), (2, 2, 3, 3))
    (rows,) = ranking.rank([FIRST, other, pixels, last]).values()
    cells = {line[1]: line for line in tables.board_cells(rows)}
    assert [line[0] for line in cells.values()] == ["1-3", "1-3", "1-3", "4"]
    assert cells["protonet"][3].endswith("†")
    assert cells["anil"][3].endswith("†")  # the first, maml, has one seed
    assert cells["pixel_nn"][4] == "not trained"
    (rows,) = ranking.rank([pixels, last]).values()
    assert not any("†" in cell for line in tables.board_cells(rows) for cell in line)
    for part in ("†", "#", "±", "Holm", "Status", "Front"):
        assert part in tables.LEGEND


def test_entries_of_one_learner_are_told_apart_by_the_options_that_differ():
    hyperparameters = {**FIRST.hyperparameters, "width": 1}
    other = replace(FIRST, hyperparameters=hyperparameters)
    mine = replace(FIRST, hyperparameters={**hyperparameters, "width": 2})
    (rows,) = ranking.rank([other, mine, SECOND]).values()
    names = {cells[1] for cells in tables.board_cells(rows)}
    assert names == {"protonet (width=1)", "protonet (width=2)", "matching"}


def test_options_that_hold_others_are_named_only_where_they_must_be():
    def made(**options):
        return replace(FIRST, hyperparameters=options)

    one, other = made(base="a", inner={"rate": 1}), made(base="b", inner={"rate": 2})
    assert list(tables.named(ranked(one, other))) == ["protonet (base=a)", "protonet (base=b)"]
    other = made(base="a", inner={"rate": 2})
    assert next(iter(tables.named(ranked(one, other)))) == "protonet (inner={'rate': 1})"
    assert list(tables.named(ranked(FIRST, FIRST))) == ["protonet", "protonet'"]


def ranked(*found):
    (rows,) = ranking.rank(found).values()
    return rows


def test_details_cells():
    (rows,) = ranking.rank([SECOND, FIRST]).values()
    first, second = tables.details_cells(rows)
    assert (first[0], first[1], first[2], first[4]) == ("112,000", "no", "1.5", "01234567")
    assert (second[0], second[1]) == ("9", "yes")
    # Episodes as in `test_intervals.py`, 0.113161 / 1.96; seeds: the root of 0.01.
    assert first[5:] == ("5.77", "none", "1.23", "988")
    assert second[5:] == ("5.77", "10.00", "1.23", "988")
    assert len(first) == len(tables.DETAILS_HEAD)


def test_a_table_shows_every_cell():
    cells = tables.result_cells(SECOND)
    console = Console(width=100, file=io.StringIO())
    console.print(tables.table(tables.RESULT_HEAD, cells))
    text = console.file.getvalue()
    for part in (*filter(None, tables.RESULT_HEAD), *sum(cells, ())):
        assert part in text


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
    assert not any("tested: step" in line for line in tables.caption(replace(untrained, runs=runs)))


def test_the_caption_says_what_was_spent():
    assert tables.caption(SECOND) == [
        "tested: step 50 / 50 of 100, the best on validation classes",
        "interval: over test episodes; in the last line over training seeds and episodes",
        "cost: training 1.5 + 1.5 min, testing 250 episodes/s, adaptation 1.23 ms, 9 parameters, "
        "peak 988 MB",
    ]


def test_an_entry_whose_run_warned_is_marked():
    run = replace(SECOND.runs[0], nan_episodes=2)
    boards = ranking.rank([FIRST, replace(SECOND, runs=(run, *SECOND.runs[1:]))])
    (rows,) = boards.values()
    names = [line[1] for line in tables.board_cells(rows)]
    assert names == ["protonet", "matching !"]
