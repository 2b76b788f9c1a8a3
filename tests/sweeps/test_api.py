"""`metabench.sweep` in Python."""

import pytest

import metabench
from tests.sweeps.conftest import TINY


def test_a_dictionary_is_swept(inline, tmp_path, monkeypatch):
    monkeypatch.setattr("metabench.sweeps.sweep.opened", lambda machines: inline.executor)
    grid = {"learners": ["pixel_nn"], "protocols": TINY["protocols"]}
    done = metabench.sweep(
        grid, out=tmp_path / "board", run_dir=tmp_path / "runs", log="csv", progress=False
    )
    (result,) = done.results
    assert result.learner == "pixel_nn"
    assert done.best[0].result == result
    assert (done.failed, done.notes, done.pruned) == ((), (), 0)
    assert len(metabench.leaderboard(tmp_path / "board").boards) == 1
    assert inline.jobs[0][0]["logs"] == ["csv"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"jobs": "two"}, "`jobs` is 'two'; it must be a whole number"),
        ({"executor": "cloud"}, "`executor` is 'cloud'"),
        ({"log": ["csv", "paper"]}, "`log` is 'paper'"),
        ({"per_job": 0}, "`per_job` is 0"),
    ],
)
def test_a_mistake_is_one_sentence(options, sentence):
    with pytest.raises(metabench.UserError) as caught:
        metabench.sweep({"learners": ["pixel_nn"], "protocols": "quick"}, **options)
    assert sentence in str(caught.value)
