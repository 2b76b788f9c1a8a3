"""Mistakes on the command line: exit code 2, one sentence, and nothing left behind."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from metabench.tracks.fewshot import request, trainings
from metabench.tracks.fewshot import run as run_module

SHORT = ("--quiet", "--episodes", "4", "--query", "2")


CASES = [
    (["--way", "65"], ["`way` is 65", "64 classes", "take 2 to 64"]),
    (["--way", "0"], ["`way` is 0", "take 2 to 64"]),
    (["--way", "1"], ["`way` is 1", "take 2 to 64"]),
    (["--set", "train_way=1"], ["`train_way` is 1", "at least 2"]),
    (["--set", "steps=7", "--train", "steps=2"], ["`--set steps=7` contradicts", " 2 steps"]),
    (["--set", "steps=7"], ["`--set steps=7` contradicts", "give `--train steps` alone"]),
    (["--way", "-5"], ["`way` is -5", "take 2 to 64"]),
    (["--shot", "0"], ["`shot` is 0", "at least 1"]),
    (["--shot", "many"], ["`shot` is 'many'", "a whole number such as 5"]),
    (["--shot", "1-4"], ["`shot` is 1-4", "take 1-3 or 1-5"]),
    (["--query", "9-1"], ["`query` is 9-1", "1-9"]),
    (["--shot", "1-9"], ["`shot` + `query` is at most 9 + 15 = 24", "together at most 20"]),
    (["--query", "0"], ["`query` is 0", "at least 1"]),
    (["--query", "20"], ["`shot` + `query` is 1 + 20 = 21", "together at most 20"]),
    (["--shot", "6"], ["`shot` + `query` is 6 + 15 = 21", "together at most 20"]),
    (["--way", "five"], ["'--way'", "integer"]),
    (["--ways", "5"], ["No such option", "--ways", "--way"]),
    (["--way"], ["'--way' requires an argument"]),
    (["extra"], ["unexpected extra argument", "extra"]),
    (["--split", "alphabet"], ["no split `alphabet`", "did you mean `alphabets`?", "it has: "]),
    (["--set", "widht=8"], ["`widht`", "did you mean `width`?", "width=64"]),
    (["--set", "width=wide"], ["`width`", "'wide'", "a whole number"]),
    (["--set", "width=8.5"], ["`width`", "8.5", "a whole number"]),
    (["--set", "width=true"], ["`width`", "True", "a whole number"]),
    (["--set", "width=0"], ["`width` is 0", "at least 1"]),
    (["--set", "norm=bach"], ["`norm`", "'bach'", "running, batch, group, layer, none"]),
    (["--set", "norm=group", "--set", "width=12"], ["`width` is 12", "multiple of 8"]),
    (["--set", "learning_rate=0"], ["`learning_rate` is 0", "positive"]),
    (["--set", "clip=inf"], ["`clip`", "inf", "a finite number or none"]),
    (["--set", "learning_rate=nan"], ["`learning_rate`", "nan", "a finite number"]),
    (["--set", "train_way=1000"], ["`way` is 1000", "train part", "192 classes"]),
    (["--set", "width"], ["`--set` is 'width'", "NAME=VALUE"]),
    (["--set", "width=8", "--set", "width=9"], ["`width` twice"]),
    (["--train", "stps=10"], ["`stps`", "did you mean `steps`?", "validation_episodes"]),
    (["--train", "steps=0"], ["`steps` is 0", "1 or more"]),
    (["--train", "steps=ten"], ["`steps` is 'ten'", "a whole number"]),
    (["--train", "steps"], ["`--train` is 'steps'", "NAME=VALUE"]),
    (["--seeds", "0"], ["`seeds` is 0", "at least 1"]),
    (["--seeds", "999999999"], ["`seeds` is 999,999,999", "at most 10,000"]),
    (["--dataset", "/data/mine"], ["unknown dataset `/data/mine`", "`folder:/data/mine`"]),
    (["--seed", "-1"], ["`seed` is -1", "at least 0"]),
    (["--episodes", "1"], ["`episodes` is 1", "at least 2"]),
    (["--recipe", "lng"], ["`recipe` is 'lng'", "has no variants to choose", ".toml file"]),
    (["--recipe", "absent.toml"], ["absent.toml cannot be read (No such file"]),
    (["--recipe", "recipe.toml"], ["`lerner`", "[learner] and [train]"]),
    (["--recipe", "notes.toml"], ["`widht`", "did you mean `width`?"]),
    (["--out", "folder"], ["`out` folder cannot be written", "it is a folder"]),
    (["--out", "file/result.json"], ["`out` file/result.json", "Not a directory"]),
    (["--run-dir", "file"], ["`run_dir` file/", "cannot be written", "Not a directory"]),
    (["--devices", "0"], ["`devices` is 0", "at least 1"]),
    (["--devices", "999"], ["`devices` is 999, but JAX has", "here; take "]),
    (["--image-size", "0"], ["`size` is 0", "from 1 to 1024"]),
    (["--image-size", "8"], ["`image_size` is 8", "16 or more"]),
    (["--dataset", "stroke"], ["unknown dataset `stroke`", "`strokes`", "omniglot, "]),
]


OTHERS = [
    (["runn"], ["No such command 'runn'"]),
    (["--nothing"], ["No such option", "--nothing"]),
    (["data", "prepar"], ["No such command 'prepar'"]),
    (["data", "prepare"], ["Missing argument 'name'"]),
    (["data", "prepare", "stroks"], ["`stroks`", "did you mean `strokes`?"]),
    (["data", "prepare", "strokes", "--size", "0"], ["`size` is 0"]),
    (["leaderboard", "--folder", "folder"], ["`folder`", "folder"]),
    (["leaderboard", "--folder", "absent"], ["`folder`", "absent"]),
    (["learners", "extra"], ["extra"]),
]


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refused(outcome, *parts):
    """Check that a command ended in one sentence that holds `parts`."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("error: "), outcome.err
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.endswith("\n")
    for part in parts:
        assert part in outcome.err


def accepted(*arguments, **options):
    raise AssertionError("the mistake was not noticed: training would begin")


@pytest.fixture
def here(metabench, no_servers, strokes, monkeypatch):
    """The working folder; whatever a test does, it stays as it was."""
    monkeypatch.setattr(trainings, "meta_train_seeds", accepted)
    folder = Path.cwd()
    (folder / "file").write_text("mine")
    (folder / "notes.toml").write_text("[learner]\nwidht = 8\n")
    (folder / "recipe.toml").write_text("[lerner]\n")
    (folder / "folder").mkdir()
    before = tree(folder)
    yield folder
    assert tree(folder) == before
    assert (folder / "file").read_text() == "mine"
    assert no_servers == []


@pytest.mark.parametrize(("arguments", "parts"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_run(metabench, here, arguments, parts):
    usual = ("run", "--learner", "protonet", "--dataset", "strokes", "--quiet")
    refused(metabench(*usual, *arguments), *parts)


@pytest.mark.parametrize("learner", ["pixel_nn", "cluster_matching"])
@pytest.mark.parametrize(
    "given", [("--train", "steps=5"), ("--trained-for", "strokes-alphabets-5way-1shot-v2")]
)
def test_a_learner_without_training_takes_nothing_for_it(metabench, here, learner, given):
    """The second one builds on another, whose training is its own."""
    said = (f"`{given[0]}` is given, but learner `{learner}` is not meta-trained", "leave it out")
    refused(
        metabench("run", "--learner", learner, "--dataset", "strokes", "--quiet", *given), *said
    )


def test_an_unknown_learner_is_told_before_data_is_looked_for(metabench, here, no_servers):
    known = ("`protnet`", "did you mean `protonet`?", "lstm, maml, mann, matching, ")
    refused(metabench("run", "--learner", "protnet"), *known)
    refused(metabench("run"), "Missing option '--learner'")
    assert no_servers == []


@pytest.mark.parametrize(("arguments", "parts"), OTHERS, ids=[" ".join(case[0]) for case in OTHERS])
def test_other_commands(metabench, here, arguments, parts):
    refused(metabench(*arguments), *parts)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(metabench, here):
    (here / "folder").chmod(0o500)
    usual = ("run", "--learner", "protonet", "--dataset", "strokes", "--quiet")
    refused(metabench(*usual, "--out", "folder/result.json"), "Permission denied")


@pytest.mark.parametrize("empty", [True, False])
def test_omniglot_by_name_that_cannot_be_had(metabench, no_servers, tmp_path, empty):
    (tmp_path / "archives").mkdir()
    given = ("--archives", tmp_path / "archives") if empty else ()
    cache = ("--cache", tmp_path / "cache", "--quiet")
    outcome = metabench("run", "--learner", "pixel_nn", "--dataset", "omniglot", *cache, *given)
    parts = ["`images_background.zip`", "`omniglot`", "`--archives`", "`METABENCH_ARCHIVES`"]
    refused(outcome, *parts, no_servers[0], *([str(tmp_path / "archives")] if empty else []))
    assert not list(Path.cwd().iterdir())
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".npy"]


def test_archives_that_are_no_folder(metabench, no_servers, tmp_path):
    given = ("--archives", tmp_path / "typo", "--cache", tmp_path / "cache", "--quiet")
    outcome = metabench("run", "--learner", "pixel_nn", "--dataset", "omniglot", *given)
    refused(outcome, "`archives` is", "typo", "not a folder")
    assert not list(Path.cwd().iterdir())


def test_auto_without_omniglot_warns_and_uses_strokes(metabench, no_servers, strokes):
    outcome = metabench("run", "--learner", "pixel_nn", *SHORT)
    assert outcome.code == 0
    (warning,) = outcome.err.splitlines()
    for part in ("WARNING: ", "omniglot", "`strokes`", "`--archives`", "METABENCH_ARCHIVES"):
        assert part in warning
    assert "strokes-alphabets-5way-1shot" in outcome.out
    assert no_servers  # it was looked for


def test_auto_prefers_omniglot_where_it_can_be_had(metabench, monkeypatch):
    asked = []

    def available(name, *rest):
        asked.append(name)
        return True

    monkeypatch.setattr("metabench.data.is_available", available)
    assert request.chosen("auto", None) == "omniglot"
    assert asked == ["omniglot"]
    assert request.chosen("strokes", None) == "strokes"
    assert asked == ["omniglot"]


def test_an_interruption_says_how_to_go_on(metabench, strokes, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "execute", interrupt)
    outcome = metabench("run", "--learner", "pixel_nn", "--dataset", "strokes", *SHORT)
    assert outcome.code == 130
    (line,) = outcome.err.splitlines()
    assert "`--resume`" in line


def test_errors_of_ours_are_not_hidden(metabench, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(importlib.import_module("metabench.cli.main"), "app", broken)
    with pytest.raises(ZeroDivisionError):
        metabench("learners")


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_a_command_group_alone_shows_its_help(metabench, arguments):
    outcome = metabench(*arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("Usage: ")
    assert "Commands:" in outcome.err
