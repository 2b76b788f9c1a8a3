"""Searches by optuna: trials by validation, pruning, and going on after an interruption."""

import pytest

from metabench.errors import UserError
from metabench.sweeps.grid import grid_of
from metabench.sweeps.studies import plans_of
from metabench.sweeps.sweep import Order, swept
from metabench.sweeps.work import perform
from metabench.tracks.fewshot.request import Places
from tests.sweeps.conftest import TINY, TOY

optuna = pytest.importorskip("optuna", reason="optuna is not installed")
SEARCH = {
    "method": "optuna",
    "trials": 3,
    TOY: {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}, "width": [2, 4]},
}


@pytest.fixture
def searched(tmp_path, inline, monkeypatch):
    """Runs a search in this process."""
    monkeypatch.setattr("metabench.sweeps.sweep.opened", lambda machines: inline.executor)

    def run(**other):
        grid = grid_of({**TINY, "seeds": 1, "settings": {}, "search": {**SEARCH, **other}})
        return swept(grid, Order(tmp_path / "board", Places(tmp_path / "runs", quiet=True)))

    return run


def test_the_best_in_validation_is_chosen_and_a_search_goes_on(searched, inline):
    killed = []

    def dying(spec):
        if len(inline.jobs) == 2 and not killed:
            killed.append(spec)
            raise KeyboardInterrupt
        return perform(spec)

    inline.perform = dying
    with pytest.raises(KeyboardInterrupt):
        searched()
    done = searched()
    settings = [spec["settings"] for (spec,) in inline.jobs]
    assert settings[2] == settings[1] == killed[0]["settings"]  # the trial that was interrupted
    assert len(inline.jobs) == 4
    assert len(done.results) == 3
    (best,) = done.best
    assert best.validation == max(one.runs[0].validation_accuracy for one in done.results)
    assert best.among == 3
    assert searched().results == done.results
    assert len(inline.jobs) == 4  # nothing was left to do


def test_a_trial_that_is_behind_is_pruned(searched, monkeypatch):
    monkeypatch.setattr(optuna.pruners.MedianPruner, "prune", lambda self, study, trial: True)
    done = searched()
    assert (done.results, done.failed, done.pruned) == ((), (), 3)
    monkeypatch.undo()


def test_what_has_no_validation_is_refused(tmp_path):
    search = {"method": "optuna", "trials": 2, "modified_hausdorff": {"points": [4, 8]}}
    grid = grid_of({**TINY, "learners": ["modified_hausdorff"], "settings": {}, "search": search})
    with pytest.raises(UserError, match="needs validation"):
        plans_of(grid, tmp_path, Places(tmp_path, quiet=True))
