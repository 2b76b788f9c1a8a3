"""Tuned hyperparameters on disk: read again, and a damaged file is named."""

import pytest

from metabench.errors import UserError
from metabench.learned_optimizers.lstm.baselines import BASELINES
from metabench.learned_optimizers.problems.quadratic import quadratic
from metabench.tracks.optimizers import rates
from metabench.tracks.optimizers.baseline_runs import Tuned
from metabench.tracks.optimizers.tuning import Search, Trial

TRIAL = Trial(0.1, 0.9, (1.0, 2.0))
TUNED = {name: Tuned((TRIAL, TRIAL), (Search((TRIAL,), (TRIAL,)),)) for name in BASELINES}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(rates, "tune_all", lambda *arguments: TUNED)
    assert rates.rates("quadratic", quadratic(), (4, 8), tmp_path) == TUNED
    (found,) = tmp_path.rglob("rates-*.json")
    return found


def test_they_are_tuned_once(file, tmp_path, monkeypatch):
    monkeypatch.delattr(rates, "tune_all")
    assert rates.rates("quadratic", quadratic(), (4, 8), tmp_path) == TUNED


@pytest.mark.parametrize("content", [b"", b'{"sgd": ', b"{}", b"[]", b"\xff", b'{"sgd": 3}'])
def test_a_damaged_file_is_named(file, tmp_path, content):
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"{file} holds no tuned .*remove it to tune them again"):
        rates.rates("quadratic", quadratic(), (4, 8), tmp_path)


def test_a_tuning_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    computed = []

    def score(rate, second):
        if rate in STOPPED:
            raise KeyboardInterrupt
        computed.append(rate)
        return [rate, float("inf")]

    def tune_all(optimizee, stops, progress, keep):
        kept = keep("sgd 4-8", score)
        assert [kept(rate, 0.0) for rate in (0.1, 0.2, 0.3)][1] == [0.2, float("inf")]
        return TUNED

    monkeypatch.setattr(rates, "tune_all", tune_all)
    STOPPED = {0.3}
    with pytest.raises(KeyboardInterrupt):
        rates.rates("quadratic", quadratic(), (4, 8), tmp_path)
    (trials,) = tmp_path.rglob("rates-*.trials.json")
    assert computed == [0.1, 0.2]
    STOPPED = set()
    assert rates.rates("quadratic", quadratic(), (4, 8), tmp_path) == TUNED
    assert computed == [0.1, 0.2, 0.3]
    assert not trials.exists()


@pytest.mark.parametrize("content", [b"", b'{"sgd": ', b"[]", b'{"sgd 4 1 0": 3}', b"\xff"])
def test_damaged_trials_are_made_again(tmp_path, monkeypatch, content):
    monkeypatch.setattr(rates, "tune_all", lambda *arguments: TUNED)
    rates.rates("quadratic", quadratic(), (4, 8), tmp_path)
    (found,) = tmp_path.rglob("rates-*.json")
    found.rename(found.with_suffix(".trials.json"))
    found.with_suffix(".trials.json").write_bytes(content)
    assert rates.rates("quadratic", quadratic(), (4, 8), tmp_path) == TUNED
