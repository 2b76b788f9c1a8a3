"""`metabench forecast`: mistakes that are one sentence, and a run from end to end."""

import json
from pathlib import Path

import pytest
from PIL import Image

from metabench.scoring import functions as forecasts
from metabench.tasks import gaussian_process as gp
from metabench.tracks.forecast import run as forecast_run

CASES = [
    (["--learner", "man"], "did you mean `mann`?"),
    (["--learner", "pixel_nn"], "`learner` is pixel_nn, which has no part in forecasting"),
    (["--dimensions", "0"], "`dimensions` is 0; it must be from 1 to 10"),
    (["--points", "1"], "`points` is 1; it must be from 2 to 200"),
    (["--functions", "1"], "`functions` is 1; it must be at least 2"),
    (["--seed", "-1"], "`seed` is -1"),
    (["--set", "widht=3"], "did you mean `width`?"),
    (["--set", "augment=true"], "`augment` is True, but functions have no images"),
    (["--train", "steps=0"], "`steps` is 0"),
    (["--recipe", "lng"], "`recipe` is 'lng'"),
    (["--out", "result.png"], "`out` is result.png; its name must end in .json"),
    (["--set", "steps=7", "--train", "steps=2"], "`--set steps=7` contradicts"),
    (["--out", "folder.json"], "`out` folder.json cannot be written"),
    (["--out", "file/result.json"], "`out` file/result.json cannot be written"),
    (["--out", "drawn.json"], "`out` drawn.png cannot be written"),
]


def never(*arguments, **options):
    raise AssertionError("the mistake was not noticed: training would begin")


@pytest.mark.parametrize(("arguments", "said"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_mistakes_are_one_sentence_and_leave_nothing(metabench, monkeypatch, arguments, said):
    monkeypatch.setattr(forecast_run, "meta_train", never)
    for name in ("folder.json", "drawn.png"):
        Path(name).mkdir()
    Path("file").write_text("mine")
    usual = () if "--learner" in arguments else ("--learner", "lstm")
    outcome = metabench("forecast", "--quiet", *usual, *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err
    assert sorted(map(str, Path().iterdir())) == ["drawn.png", "file", "folder.json"]
    assert not list(Path("drawn.png").iterdir())


def test_a_run_writes_a_result_and_a_picture(metabench, monkeypatch):
    monkeypatch.setattr(gp, "GRID", (3, 2, 2))
    monkeypatch.setattr(gp, "FIT_STEPS", 2)
    monkeypatch.setattr(forecasts, "CHUNK", 4)
    outcome = metabench(
        "forecast", "--learner", "mann", "--points", "8", "--functions", "6", "--out=new/one.json",
        "--set", "width=8", "--set", "rows=8", "--set", "warmup=0", "--train", "steps=2",
        "--train", "batch=2", "--train", "validate_every=1", "--train", "validation_episodes=4",
    )  # fmt: skip
    assert outcome.code == 0, outcome
    document = json.loads(Path("new/one.json").read_text("utf-8"))
    assert document["learner"] == "mann"
    assert document["run"]["train_steps"] == 2
    assert document["hyperparameters"]["rows"] == 8
    assert "--out" not in document["command"]
    assert document["command"].startswith("metabench forecast --learner mann --points 8")
    with Image.open("new/one.png") as picture:
        assert picture.size[0] > 2 * picture.size[1]
    for part in ("gp_fitted", "mann - gp_fitted", "step 5", "result: new/one.json"):
        assert part in outcome.out
    assert f"{document['log_likelihood']['gp_true']['mean']:.3f}" in outcome.out
    assert "training, seed 0: 2/2" in outcome.err
    assert "nats" in outcome.err
    assert sorted(path.name for path in Path("new").iterdir()) == ["one.json", "one.png"]
