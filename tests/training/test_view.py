"""What a person sees: plain lines or a bar on standard error, nothing where it is to be quiet."""

from __future__ import annotations

import sys

import pytest

from metabench.training import view
from metabench.training.loop import Point, Report, Trained
from metabench.training.view import RunView, describe

REPORT = Report(
    step=50, steps=100, loss=1.25, episodes_per_second=12.34, validation=0.5,
    seconds_left=75.4,
)  # fmt: skip
POINTS = [Point(50, 1.0, 0.4, 0.5, 2.0), Point(100, 0.9, 0.5, 0.6, 4.0)]
TRAINED = Trained(state=None, last=None, best_step=100, seconds=4.2, history=POINTS)


@pytest.fixture
def clock(monkeypatch):
    """The time as the view sees it: a list whose last entry counts."""
    now = [1000.0]
    monkeypatch.setattr(view.time, "monotonic", lambda: now[-1])
    return now


def test_a_report_is_one_line():
    line = "loss 1.250  validation 50.00 %  12.3 episodes/s  1 min 15 s left"
    assert describe(REPORT) == line
    assert "validation not yet" in describe(Report(1, 2, 1.0, 1.0, validation=None, seconds_left=3))


def test_lines_come_now_and_then_and_at_the_end(capsys, clock):
    with RunView(quiet=False) as shown:
        watcher = shown.watcher()
        for step, later in ((10, 0), (20, 5), (30, 20), (100, 20.1)):
            clock.append(1000.0 + later)
            watcher.training(3, Report(step, 100, 1.0, 10.0, None, 9.0))
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split("  ")[0] for line in err.splitlines()] == [
        "training, seed 3: 10/100",
        "training, seed 3: 30/100",
        "training, seed 3: 100/100",
    ]


def test_what_a_training_ended_in_is_said_and_kept(capsys):
    with RunView(quiet=False) as shown:
        shown.watcher().trained(3, TRAINED)
    assert capsys.readouterr().err == (
        "seed 3: best validation accuracy 60.00 % at step 100, trained in 4 s\n"
    )
    assert shown.curves == {3: POINTS}


def test_quiet_shows_notes_only_and_keeps_the_curves(capsys, clock):
    with RunView(quiet=True) as shown:
        watcher = shown.watcher()
        watcher.training(0, REPORT)
        watcher.trained(0, TRAINED)
        watcher.evaluating(0, 100, 100)
        watcher.note("a note")
    assert capsys.readouterr() == ("", "a note\n")
    assert shown.curves == {0: POINTS}


@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_gets_a_bar(capsys, monkeypatch, quiet):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with RunView(quiet) as shown:
        watcher = shown.watcher()
        watcher.training(0, REPORT)
        watcher.evaluating(0, 64, 1000)
        watcher.evaluating(0, 1000, 1000)
    out, err = capsys.readouterr()
    assert out == ""
    parts = ("training, seed 0", "50/100", "loss 1.250", "testing, seed 0", "1000/1000")
    assert [part in err for part in parts] == [not quiet] * len(parts)


def test_the_bar_is_taken_down_after_an_error(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = RunView(quiet=False)
    with pytest.raises(KeyboardInterrupt), shown:
        raise KeyboardInterrupt
    assert shown._bar.finished or not shown._bar.live.is_started
