"""The canaries of a plan, and the result that holds them."""

from __future__ import annotations

import pytest

from metabench.errors import UserError
from metabench.results import document as results
from metabench.scoring.canaries.canary import from_json
from metabench.tracks.fewshot.canaries import canaries
from metabench.tracks.fewshot.run import execute
from metabench.training.meta_training import initial_state
from metabench.training.watcher import Watcher


def test_a_run_measures_them_after_the_test(plan):
    told = []
    made = plan("untrained", seeds=(3, 4))
    watcher = Watcher(canaries=lambda done, total: told.append((done, total)))
    result = execute(made, resume=False, command="", watcher=watcher, canaries=True)
    assert from_json(result.canaries) == canaries(made, initial_state(made.trainee, 3))
    assert results.from_json(results.to_json(result)) == result
    assert told == [(10, 10)]
    without = execute(made, resume=False, command="", watcher=watcher)
    assert without.canaries is None
    assert without.runs[0].correct == result.runs[0].correct


def test_one_task_has_no_interval(plan):
    with pytest.raises(UserError, match="`episodes` is 1"):
        canaries(plan("untrained"), (), episodes=1)
