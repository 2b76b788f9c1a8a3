"""What is shown: a live table on a terminal, plain lines elsewhere."""

import io
import sys

import pytest

from metabench.sweeps.schedule import WAITING, Event
from metabench.sweeps.spec import DONE, FAILED
from metabench.sweeps.view import SweepView


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("live", [True, False], ids=["terminal", "plain"])
def test_what_happens_is_shown(cells, monkeypatch, live):
    monkeypatch.setattr(sys, "stderr", Terminal() if live else io.StringIO())
    monkeypatch.setenv("COLUMNS", "120")
    (cell,) = cells()
    with SweepView([cell], quiet=False) as view:
        first, second = cell.runs
        view.told(Event(first, WAITING))
        view.told(Event(first, DONE))
        view.told(Event(second, FAILED, "it [burns]"))
    said = sys.stderr.getvalue()
    assert f"failed: toy.toy under {cell.protocol.id}, seed 1: it [burns]" in said.replace("\n", "")
    assert ("done 1/2: toy.toy under " in said) is not live
    assert ("learner" in said) is live  # the head of the table
