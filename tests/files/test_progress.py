"""Progress: a bar on a terminal, lines elsewhere, nothing where nothing is wanted."""

import sys

import pytest

from metabench.files import progress as module
from metabench.files.progress import progress, say, steps


@pytest.fixture
def clock(monkeypatch):
    """Ten seconds pass whenever the time is asked for."""
    monkeypatch.setattr(module.time, "monotonic", iter(range(0, 10_000, 10)).__next__)


def work(label="testing", total=10, shown=True):
    with progress(label, total, shown) as advance:
        for _ in range(total):
            advance(1)


def test_a_line_at_the_beginning_and_then_after_every_pause(capsys, clock):
    work()
    found = capsys.readouterr()
    assert found.out == ""
    lines = found.err.splitlines()
    assert lines[0] == "testing …"
    assert lines[1:] == ["testing: 30 %", "testing: 60 %", "testing: 90 %"]


def test_quick_work_says_one_line(capsys):
    work()
    assert capsys.readouterr().err == "testing …\n"


def test_nothing_where_it_is_not_shown(capsys, clock):
    work(shown=False)
    say("no", shown=False)
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    work("Downloading", 3)
    found = capsys.readouterr()
    assert "Downloading" in found.err
    assert "…" not in found.err
    assert found.out == ""


def test_steps_have_names_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with steps("checking", 2) as begin:
        begin("first")
        begin("second")
    assert capsys.readouterr().out == ""


def test_steps_elsewhere_are_lines_now_and_then(capsys, clock):
    with steps("checking", 4) as begin:
        for name in "abcd":
            begin(name)
    assert capsys.readouterr().err.splitlines() == ["checking …", "checking: 75 %"]
    with steps("checking", 4, shown=False) as begin:
        begin("a")
    assert capsys.readouterr().err == ""
