"""`metabench leaderboard html`: one page of all results, and copies of their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from metabench.results import document as results
from tests.made_up_result import made_up

RESULT = made_up("protonet")


@pytest.fixture
def folder(metabench):
    """A result in the usual place."""
    results.write(RESULT, results.default_path(RESULT, Path("leaderboards")))
    return Path("leaderboards")


def test_both_ways_of_asking_write_the_same(metabench, folder):
    outcome = metabench("leaderboard", "html")
    assert (outcome.code, outcome.out, outcome.err) == (
        0, "leaderboards: site/index.html\n", "",
    )  # fmt: skip
    outcome = metabench("leaderboard", "--format", "html", "--out", "other/place")
    assert (outcome.code, outcome.out) == (0, "leaderboards: other/place/index.html\n")
    first, second = (
        Path("site/index.html").read_bytes(),
        Path("other/place/index.html").read_bytes(),
    )
    assert first == second
    assert len(list(Path("site/results").glob("*/protonet-*.json"))) == 1
    assert RESULT.protocol.id in metabench("leaderboard").out  # as ever


def test_what_does_not_go_together_is_one_sentence(metabench, folder):
    for words, said in (
        (("pdf",), "not 'pdf'"),
        (("leaderboards",), "`--folder`"),
        (("html", "--format", "csv"), "a format of its own"),
        (("html", "--untrained"), "`trained` does not go with the page"),
        (("html", "--markdown", "page.md"), "a format of its own"),
        (("html", "--protocol", "5way"), "shows all boards"),
        (("--out", "site"), "metabench leaderboard html"),
        (("html", "--folder", "empty"), "no results to show"),
    ):
        outcome = metabench("leaderboard", *words)
        assert outcome.code == 2
        assert outcome.err.count("\n") == 1
        assert said in outcome.err
    assert not Path("site").exists()


def test_without_jinja_the_extra_is_named(metabench, folder, monkeypatch):
    import sys

    from metabench.page import render

    render._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    outcome = metabench("leaderboard", "html")
    assert outcome.code == 2
    assert "pip install 'metabench[page]'" in outcome.err


def test_files_that_are_left_out_are_named(metabench, folder):
    (folder / RESULT.protocol.id / "broken.json").write_text("{")
    outcome = metabench("leaderboard", "html", "--strict")
    assert outcome.code == 1
    assert outcome.err.startswith("left out: ")
    assert "broken.json is not JSON" in Path("site/index.html").read_text(encoding="utf-8")
