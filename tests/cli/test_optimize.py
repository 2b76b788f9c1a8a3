"""`metabench optimize`: mistakes that are one sentence, and training and evaluation end to end."""

import json
from pathlib import Path

import pytest
from PIL import Image

from metabench.learned_optimizers.lstm.files import read
from metabench.learned_optimizers.problems import quadratic as problem
from metabench.tracks.optimizers import work

TINY = (
    "--set", "units=3", "--set", "layers=1", "--set", "horizon=4", "--set", "truncation=2",
    "--set", "instances=2", "--set", "episodes=2", "--set", "validate_every=1", "--set", "chunk=1",
    "--set", "validation_instances=2",
)  # fmt: skip

CASES = [
    ([], "`task` is missing"),
    (["--task", "quadratics"], "did you mean `quadratic`?"),
    (["--optimizer", "adam", "--task", "quadratic"], "`optimizer` is 'adam'"),
    (["--task", "quadratic", "train"], "`task` stands after the command"),
    (["train", "--task", "mnist"], "`task` is 'mnist'"),
    (["train", "--task", "quadratic", "--set", "unit=3"], "did you mean `units`?"),
    (["train", "--task", "quadratic", "--set", "horizon=30"], "`horizon` is 30"),
    (["train", "--task", "quadratic", "--seed", "-1"], "`seed` is -1"),
    (["train", "--task", "quadratic", "--recipe", "no.toml"], "`recipe` no.toml cannot be read"),
    (["--task", "quadratic", "--instances", "1"], "`instances` is 1"),
    (["--task", "quadratic", "--multiples", "2,1"], "`multiples` is '2,1'"),
    (["--task", "quadratic", "--multiples", "1,x"], "`multiples` is '1,x'"),
    (["--task", "quadratic", "--multiples", "1000000"], "100,000,000 steps: with the losses of"),
    (["--task", "quadratic", "--multiples", "100000000"], "there must be fewer than 2^31"),
    (["--task", "quadratic", "--reset-every", "often"], "`reset-every` is 'often'"),
    (["--task", "quadratic", "--reset-every", "0"], "`reset-every` is 0"),
    (["--task", "quadratic", "--seeds", "0"], "`seeds` is 0"),
    (["--task", "quadratic", "--recipe", "none"], "none.toml cannot be read"),
    (["--task", "quadratic", "--out", "a.png"], "`out` is a.png; its name must end in .json"),
    (["--task", "quadratic", "--out", "noted.json"], "`out` noted.json is there, and is no result"),
    (["--task", "quadratic", "--out", "mine/a.json"], "`out` mine/a.json cannot be written"),
    (["evaluate", "--task", "quadratic"], "train it with `metabench optimize train --task"),
    (["evaluate", "--task", "quadratic", "--optimizer", "no.npz"], "no.npz cannot be read"),
    (["evaluate", "--task", "quadratic", "--optimizer", "mine"], "is not a trained optimizer"),
]


def never(*arguments, **options):
    raise AssertionError("the mistake was not noticed: training would begin")


@pytest.mark.parametrize(("arguments", "said"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_mistakes_are_one_sentence_and_leave_nothing(metabench, monkeypatch, arguments, said):
    monkeypatch.setattr(work, "meta_train", never)
    for name in ("mine", "noted.json"):
        Path(name).write_text("mine")
    outcome = metabench("optimize", *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err
    assert sorted(path.name for path in Path().iterdir()) == ["mine", "noted.json"]


def test_training_writes_an_optimizer(metabench):
    outcome = metabench("optimize", "train", "--task", "quadratic", *TINY)
    assert outcome.code == 0, outcome
    trained = read(Path(outcome.out.removeprefix("optimizer: ").strip()))
    assert trained.task == "quadratic"
    assert trained.about["recipe"] == "optimizers/quadratic"
    assert trained.about["command"].startswith("metabench optimize train --task quadratic --set")
    assert "best validation final loss" in outcome.err


@pytest.mark.slow
def test_train_evaluate_and_use_again(metabench, monkeypatch):
    monkeypatch.setattr(problem, "TUNING", 20)
    first = metabench("optimize", "train", "--task", "quadratic", "--run-dir", "there", *TINY)
    assert first.code == 0, first
    file = Path(first.out.removeprefix("optimizer: ").strip())
    assert file.is_file()
    assert "best validation final loss" in first.err

    both = ("--task", "quadratic", "--run-dir", "there", "--instances", "5", "--multiples", "1,3")
    second = metabench(
        "optimize", "evaluate", *both, "--optimizer", str(file), "--out", "new/one.json"
    )
    assert second.code == 0, second
    document = json.loads(Path("new/one.json").read_text("utf-8"))
    assert document["protocol"]["stops"] == [4, 12]
    assert document["protocol"]["instances"] == 5
    assert document["optimizer"]["task"] == "quadratic"
    assert document["optimizer"]["plan"]["units"] == 3
    baselines = {"sgd", "nag", "rmsprop", "adam", "nag_linear", "adam_linear"}
    assert set(document["figures"]) - {"lstm_reset"} == {"lstm", *baselines}
    assert document["reset"]["tuning"]["periods"] == [None, 1, 2, 4, 8]
    for stop, chosen in enumerate(document["tuning"]["baselines"]["adam"]["chosen"]):
        tried = document["tuning"]["baselines"]["adam"]["tried"][stop]["mean_final_loss"]
        assert chosen["mean_final_loss"] == min(score for score in tried if score is not None)
    for name, rows in document["lstm_minus"].items():
        mine, other = (document["figures"][n]["at"][0]["final_loss"] for n in ("lstm", name))
        assert rows[0]["mean"] == pytest.approx(mine["mean"] - other["mean"], rel=1e-3, abs=1e-3)
        assert f"{rows[0]['mean']:+.4g}" in second.out
    with Image.open("new/one.png") as picture:
        assert picture.size[0] > picture.size[1]
    assert "result: new/one.json" in second.out

    # Two trainings together; the first of them is there.
    two = metabench(
        "optimize", *both, *TINY, "--seeds", "2", "--reset-every", "none", "--out", "new/three.json"
    )
    assert two.code == 0, two
    together = json.loads(Path("new/three.json").read_text("utf-8"))
    assert together["protocol"]["training_seeds"] == 2
    assert together["tuning"] == document["tuning"]
    means = together["figures"]["lstm"]["at"][0]["final_loss"]["of_seeds"]
    assert means[0] == document["figures"]["lstm"]["at"][0]["final_loss"]["mean"]
    assert "reset" not in together
    for suffix in (".json", ".png"):
        Path(f"new/three{suffix}").unlink()

    # The same settings: nothing is trained or tuned again, and the figures are the same.
    third = metabench("optimize", *both, *TINY, "--out", "new/two.json")
    assert third.code == 0, third
    assert "best validation" not in third.err
    again = json.loads(Path("new/two.json").read_text("utf-8"))
    assert again["figures"] == document["figures"]
    assert again["tuning"] == document["tuning"]
    assert sorted(path.name for path in Path("new").iterdir()) == [
        "one.json", "one.png", "two.json", "two.png",
    ]  # fmt: skip
