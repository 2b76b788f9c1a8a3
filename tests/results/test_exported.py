"""Leaderboards for other programs."""

import csv
import io
import json

import pytest

from metabench.results import page, ranking
from metabench.results.exported import exported, records
from tests.made_up_result import made_up

FIRST = made_up("protonet", (10, 8, 10, 8))
SECOND = made_up("matching", (10, 10, 8, 8), (8, 8, 6, 6))
BOARDS = ranking.rank([FIRST, SECOND])


def test_a_record_for_each_entry_by_hand():
    one, two = records(BOARDS)
    assert (one["rank"], one["learner"], one["accuracy"], one["behind_first"]) == (
        1, "protonet", pytest.approx(0.9), None,
    )  # fmt: skip
    assert (two["rank"], two["tied"], two["accuracy"]) == (1, True, pytest.approx(0.8))
    assert (two["behind_first"], two["seeds"]) == (pytest.approx(0.1), 2)
    assert two["seed_spread"] == pytest.approx(0.1 * 2**0.5)
    assert two["command"] == SECOND.command
    assert two["protocol"] == SECOND.protocol.id
    assert (two["worst_rank"], two["status"], two["train_flops"]) == (2, "claimed", None)
    assert (two["adaptation_ms"], two["peak_memory_mb"]) == (1.234, 987.6)
    assert (one["episode_error"], one["seed_error"]) == (pytest.approx(0.057735, abs=1e-6), None)
    assert two["seed_error"] == pytest.approx(0.1)
    fronts = ("pareto_parameters", "pareto_training", "pareto_adaptation")
    assert all(one[name] for name in fronts)
    assert not any(two[name] for name in fronts)  # as dear as the first, and less accurate


def test_csv_and_json_hold_the_same_records():
    found = records(BOARDS)
    assert json.loads(exported(BOARDS, "json")) == found
    lines = list(csv.DictReader(io.StringIO(exported(BOARDS, "csv"))))
    texts = [{name: "" if x is None else str(x) for name, x in one.items()} for one in found]
    assert lines == texts


def test_markdown_is_the_page():
    assert exported(BOARDS, "markdown") == page.markdown(BOARDS)


def test_latex_has_a_line_for_each_entry_and_escapes_what_it_must():
    odd = ranking.rank([made_up("a_b&c%\n", (10, 8, 10, 8)), SECOND])
    text = exported(odd, "latex")
    assert r"1-2 & a\_b\&c\%  & 90.00 $\pm$ 11.32 & " in text
    assert r"1-2 & matching & 80.00 $\pm$" in text
    assert text.count(r"\\") == 3  # head and entries
    assert r"\caption{strokes" in text
