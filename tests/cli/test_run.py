"""`metabench run` from end to end: result, picture and tables, and going on after a stop."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from metabench.results import document as results
from metabench.training import view

PROTOCOL = "strokes-alphabets-5way-1shot-3query-8episodes-v2"
USUAL = ("run", "--dataset", "strokes", "--episodes", "8", "--query", "3")
LENGTHS = ("steps=4", "validate_every=2", "validation_episodes=4")
TINY = (
    "--learner",
    "protonet",
    "--set",
    "width=8",
    "--set",
    "train_way=5",
    *(w for n in LENGTHS for w in ("--train", n)),
)


def result_in(folder):
    """The only result below `folder`."""
    (path,) = folder.rglob(f"{PROTOCOL}/*.json")
    return results.read(path)


def measured(result):
    """What a rerun must repeat."""
    return [
        (r.seed, r.accuracy, r.correct, r.validation_accuracy, r.best_step) for r in result.runs
    ]


@pytest.fixture(scope="module")
def first(tmp_path_factory, metabench_in, strokes):
    """A folder in which a tiny run of two seeds has ended, and what it said."""
    folder = tmp_path_factory.mktemp("first")
    outcome = metabench_in(folder, *USUAL, *TINY, "--seeds", "2")
    assert outcome.code == 0, outcome.err
    return folder, outcome


def test_a_run_leaves_a_result_a_picture_and_checkpoints(first):
    folder, outcome = first
    (path,) = folder.glob(f"leaderboards/{PROTOCOL}/protonet-*.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(document, results.schema())
    (picture,) = folder.glob(f"runs/{PROTOCOL}/protonet-*/learning-curve.png")
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    for seed in (0, 1):
        assert (picture.parent / f"seed{seed}" / "4").is_dir()
    assert f"result: {path.relative_to(folder)}\n" in outcome.out
    told = f"learning curve: {picture.relative_to(folder)}, and its numbers: learning-curve.csv\n"
    assert told in outcome.out
    assert picture.with_suffix(".csv").read_text().startswith("seed,step,loss,")
    files = {p.relative_to(folder).parts[0] for p in folder.iterdir()}
    assert files == {"leaderboards", "runs"}


def test_seeds_together_are_those_of_one_after_another(first, metabench_in, tmp_path):
    outcome = metabench_in(tmp_path, *USUAL, *TINY, "--seeds", "2", "--seeds-together")
    assert outcome.code == 0, outcome.err
    found = result_in(tmp_path)
    assert measured(found) == measured(result_in(first[0]))
    assert "--seeds-together" in found.command
    assert "one after another" not in outcome.err


def test_a_run_with_unequal_numbers_of_images(metabench):
    asked = ("--dataset", "strokes", "--shot", "1-5", "--query", "1-9", "--episodes", "30")
    outcome = metabench("run", "--learner", "pixel_nn", *asked, "--out", "found.json")
    assert outcome.code == 0, outcome.err
    name = "strokes-alphabets-5way-1to5shot-1to9query-30episodes-v2"
    assert outcome.out.startswith(name)
    result = results.read(Path("found.json"))
    assert result.protocol.id == name
    assert result.protocol.way * result.protocol.query == 25  # answers in each episode
    assert 0.5 < result.accuracy < 0.75  # with one shot 0.50, with five 0.75


def test_the_result_holds_what_was_asked_for(first, strokes):
    result = result_in(first[0])
    assert result.protocol.id == PROTOCOL
    assert (result.dataset_digest, result.dataset_source) == (strokes.digest, strokes.source)
    assert result.split_digest == strokes.splits["alphabets"].digest
    assert result.hyperparameters["width"] == 8
    assert result.hyperparameters["steps"] == 4
    assert result.hyperparameters["norm"] == "running"  # every option, not only what was set
    assert result.recipe["train"]["validate_every"] == 2
    assert not result.transductive
    # Four blocks of a 3×3 kernel with a scale and a shift, 8 channels.
    assert result.parameter_count == 9 * 8 * (1 + 3 * 8) + 4 * 2 * 8
    assert result.command.startswith("metabench run --dataset strokes --episodes 8")
    assert [run.seed for run in result.runs] == [0, 1]
    for run in result.runs:
        assert run.train_steps == 4
        assert run.best_step in (2, 4)
        assert len(run.correct) == 8
        assert max(run.correct) <= 15
        assert run.accuracy == pytest.approx(sum(run.correct) / 120, abs=1e-6)
        assert 0 < run.validation_accuracy < 1
        assert run.cost["train_seconds"] > 0
    assert result.runs[0].correct != result.runs[1].correct  # two trainings


def test_standard_output_has_the_table_and_standard_error_the_progress(first):
    result = result_in(first[0])
    out, err = first[1].out, first[1].err
    seeds = [100 * run.accuracy for run in result.runs]
    for part in (
        PROTOCOL,
        result.dataset_digest[:12],
        "protonet",
        "seed 0",
        "seed 1",
        "seed spread",
    ):
        assert part in out
    for accuracy in (*seeds, sum(seeds) / 2, abs(seeds[0] - seeds[1]) / 2**0.5):
        assert f" {accuracy:.2f} " in out
    assert "664 parameters" not in out
    assert f"{result.parameter_count:,} parameters" in out
    assert f"{PROTOCOL}: protonet, recipe " in err
    assert "seed 1: best validation accuracy" in err
    assert "testing, seed 1: 8/8" in err
    assert "training, seed 0: 4/4" in err


def test_a_rerun_repeats_and_replaces(first, metabench_in):
    folder, _ = first
    before, path = result_in(folder), next(folder.rglob(f"{PROTOCOL}/*.json"))
    path.write_text("{}")
    outcome = metabench_in(folder, *USUAL, *TINY, "--seeds", "2", "--quiet")
    assert outcome.code == 0
    assert measured(result_in(folder)) == measured(before)
    notes = outcome.err.splitlines()  # `--quiet` leaves only what one should know
    assert len(notes) == 2
    assert all("checkpoint was moved to " in n and "--resume" in n for n in notes)
    assert len(list(folder.rglob("seed*.previous"))) == 2


def test_a_resumed_run_that_had_ended_trains_nothing(first, metabench_in):
    folder, _ = first
    before = result_in(folder)
    outcome = metabench_in(folder, *USUAL, *TINY, "--seeds", "2", "--resume")
    assert outcome.code == 0
    assert measured(result_in(folder)) == measured(before)
    assert "training, seed" not in outcome.err
    assert (folder / "runs").is_dir()
    assert "learning curve: " in outcome.out  # of the history in the checkpoint


def test_after_an_interruption_resume_ends_in_the_same_result(
    first, metabench_in, tmp_path, monkeypatch
):
    def interrupt(self, seed, report):
        if report.step == 4:  # there is a checkpoint of step 2
            raise KeyboardInterrupt

    folder = tmp_path / "interrupted"
    with monkeypatch.context() as patch:
        patch.setattr(view.RunView, "_training", interrupt)
        outcome = metabench_in(folder, *USUAL, *TINY)
    assert outcome.code == 130
    assert "`--resume` continues" in outcome.err
    assert not (folder / "leaderboards").exists()
    assert [path.name for path in folder.glob("runs/*/*/seed0/*")] == ["2"]
    steps = []
    monkeypatch.setattr(
        view.RunView, "_training", lambda self, seed, report: steps.append(report.step)
    )
    outcome = metabench_in(folder, *USUAL, *TINY, "--resume")
    assert outcome.code == 0
    assert steps == [4]  # only what was missing
    assert measured(result_in(folder)) == measured(result_in(first[0]))[:1]


def test_other_settings_are_another_file(metabench_in, tmp_path, strokes):
    folder = tmp_path / "both"
    for ink in ("dark", "bright", "dark"):
        how = ("--learner", "pixel_nn", "--set", f"ink={ink}", "--quiet")
        assert metabench_in(folder, *USUAL, *how).code == 0
    found = [results.read(path) for path in folder.glob(f"leaderboards/{PROTOCOL}/*.json")]
    assert sorted(result.hyperparameters["ink"] for result in found) == ["bright", "dark"]
    assert measured(found[0]) != measured(found[1])
    assert found[0].episode_digest == found[1].episode_digest  # in the same episodes


def test_a_learner_without_training(metabench_in, tmp_path, strokes):
    folder = tmp_path / "pixels"
    here = ("--out", "new/mine.json", "--run-dir", "elsewhere", "--quiet")
    outcome = metabench_in(folder, *USUAL, "--learner", "pixel_nn", *here)
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    result = results.read(folder / "new" / "mine.json")
    (run,) = result.runs
    assert (run.train_steps, run.best_step, run.validation_accuracy) == (0, 0, None)
    assert (run.cost["train_seconds"], run.cost["train_episodes_per_second"]) == (0, 0)
    assert result.parameter_count == 0
    assert "train" not in result.recipe
    assert run.accuracy > 0.4  # chance is 0.2
    assert "result: new/mine.json\n" in outcome.out
    assert "not trained" in outcome.out
    assert "learning curve" not in outcome.out
    assert [path.name for path in folder.iterdir()] == ["new"]  # no checkpoints either
