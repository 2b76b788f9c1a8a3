"""How many seeds are trained before a verdict; nothing is trained here."""

from __future__ import annotations

import pytest

from metabench.guard import measure
from metabench.guard.measure import Wish
from tests.guard.test_verdicts import counts
from tests.made_up_result import made_up, run_of


class Given:
    """Stands for `Brief`: gives the same counts for every seed."""

    rows: tuple[tuple[int, ...], ...] = ()

    def __init__(self, plan, sources):
        assert plan == "the plan"

    def check(self):
        pass

    def run(self, seed):
        return run_of(self.rows[seed], 10, seed)


@pytest.fixture
def seeds(monkeypatch):
    """`seeds(right)`: those trained where so many of ten answers are right, 6 in the baseline."""
    monkeypatch.setattr(measure, "Brief", Given)
    monkeypatch.setattr(measure, "_plan", lambda result, wish: "the plan")
    baseline = made_up("protonet", *counts(12, 6, 0))

    def of(right, wish=Wish()):
        monkeypatch.setattr(Given, "rows", counts(30, right, 1))
        return measure.fresh(baseline, wish).seeds

    return of


def test_what_looks_lower_is_trained_again_and_if_need_be_twice(seeds):
    assert seeds(6.3) == (0,)
    assert seeds(5.6) == tuple(range(10))
    assert seeds(5.6, Wish(seed=2, seeds=2, more=(1,))) == (2, 3, 4)


def test_a_drop_beyond_doubt_needs_no_more_seeds(seeds):
    assert seeds(1) == (0,)
