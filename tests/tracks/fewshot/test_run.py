"""A run: what its result holds, what its watcher is told, and what stops it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metabench.errors import UserError
from metabench.recipes import Recipe
from metabench.results import document as results
from metabench.scoring.episodes import adaptation_ms
from metabench.tasks.protocols import DIGESTS
from metabench.tracks.fewshot import run as run_module
from metabench.training.checkpoints import nothing_to_resume
from metabench.types import Split
from tests.tracks.fewshot.made_up import COST, PROTOCOL, measured, run


def test_a_result_holds_everything_about_its_run(plan):
    made = plan(seeds=(3, 4), recipe=Recipe("mine"))
    result = run(made)
    assert results.from_json(results.to_json(result)) == result
    assert (result.learner, result.command) == ("counting", "a command")
    assert result.hyperparameters == made.hyperparameters
    assert result.recipe == {"name": "mine", "train": made.lengths.recorded()}
    assert result.parameter_count == 16
    assert not result.transductive
    assert (result.dataset_digest, result.dataset_source) == ("d" * 64, "a test")
    assert result.split_digest == "5" * 64
    digests = {"dataset_digest": "d" * 64, "episode_digest": result.episode_digest}
    assert result.protocol == replace(PROTOCOL, **digests)
    assert result.created.endswith("+00:00")
    assert [r.seed for r in result.runs] == [3, 4]
    for one in result.runs:
        accuracy = np.array(one.correct) / 6
        assert one.accuracy == pytest.approx(accuracy.mean(), abs=1e-6)
        assert one.ci95 == pytest.approx(1.96 * accuracy.std(ddof=1) / 10**0.5, abs=1e-6)
        assert 0 < one.validation_accuracy <= 1
        assert one.train_steps == 4
        assert one.best_step in (2, 4)
        assert set(one.cost) == COST | {"train_flops"}
        assert one.cost["train_episodes_per_second"] > 0
    assert result.runs[0].correct != result.runs[1].correct


def test_the_cost_has_the_time_of_one_adaptation_to_the_tested_state(plan, monkeypatch):
    seen = []

    def timed(learner, state, table, shape):
        seen.append((shape, adaptation_ms(learner, state, table, shape)))
        return 12.3456

    monkeypatch.setattr(run_module, "adaptation_ms", timed)
    made = plan()
    assert run(made).runs[0].cost["adaptation_ms"] == 12.346
    ((shape, milliseconds),) = seen
    assert shape == made.shape
    assert 0 < milliseconds < 10_000


def test_meta_training_on_another_dataset(plan, dataset):
    """The classes of the test are met by the test alone; the other dataset's by training."""
    parts = {"train": (), "val": (), "test": dataset.class_names}
    tested = dataset._replace(
        name="target",
        images=255 - dataset.images,
        splits={"all": Split("all", parts, 1, "7" * 64)},
        digest="e" * 64,
    )
    protocol = replace(PROTOCOL, dataset="target", split="all", trained_on="made-up/only", way=4)
    made = plan(protocol=protocol, dataset=tested, training_data=dataset)
    for part, number, images in (("train", 4, dataset), ("val", 4, dataset), ("test", 12, tested)):
        table = made.tables[part]
        assert len(table.counts) == number
        assert np.isin(np.asarray(table.images), images.images).all()
    result = run(made)
    assert result.protocol.id.endswith("-after-made-up-only-v2")
    assert (result.dataset_digest, result.training_digest) == ("e" * 64, "d" * 64)
    assert result.split_digest == "7" * 64
    assert result.training_split_digest == "5" * 64


def test_a_learner_without_training_leaves_no_trace(plan, tmp_path):
    said = []
    made = plan("untrained", settings={"mean": False})
    result = run(made, training=lambda *a: said.append(a), trained=lambda *a: said.append(a))
    assert said == []
    assert result.transductive
    assert result.parameter_count == 0
    assert result.recipe == {"name": "a recipe"}
    (one,) = result.runs
    assert (one.train_steps, one.best_step, one.validation_accuracy) == (0, 0, None)
    assert (one.cost["train_seconds"], one.cost["train_episodes_per_second"]) == (0, 0)
    assert "train_flops" not in one.cost
    assert one.accuracy > 0.5  # chance is 1/3
    assert set(made.tables) == {"test"}
    assert not made.folder.exists()


def test_the_watcher_is_told_of_everything(plan):
    steps, ended, tested, notes = [], [], [], []
    watchers = {
        "training": lambda seed, report: steps.append((seed, report.step)),
        "trained": lambda seed, trained: ended.append((seed, len(trained.history))),
        "evaluating": lambda *progress: tested.append(progress),
        "note": notes.append,
    }
    run(plan(seeds=(0, 1)), **watchers)
    assert steps == [(0, 2), (0, 4), (1, 2), (1, 4)]
    assert ended == [(0, 2), (1, 2)]
    assert tested == [(0, 10, 10), (1, 10, 10)]
    assert notes == []
    run(plan(), **watchers)
    (note,) = notes
    assert "seed0.previous" in note
    assert "`--resume`" in note


def test_a_result_says_in_how_many_episodes_scores_were_no_numbers(plan):
    (usual,) = run(plan("speechless", settings={"after": 256})).runs
    (some,) = run(plan("speechless", settings={"after": 180})).runs
    result = run(plan("speechless"))
    (none,) = result.runs
    assert usual.nan_episodes is None
    assert 0 < some.nan_episodes <= 10
    assert none.nan_episodes == 10
    assert usual.accuracy > some.accuracy > none.accuracy == 0.0
    assert results.from_json(results.to_json(result)) == result


def test_a_result_says_where_training_or_answers_ran_off(plan):
    (usual,) = run(plan()).runs
    (high,) = run(plan(settings={"scale": 1e9})).runs
    (alike,) = run(plan("stubborn")).runs
    assert (usual.alike_answers, usual.high_loss) == (None, None)
    assert (alike.alike_answers, alike.high_loss) == (True, None)
    assert high.alike_answers is None
    assert high.high_loss == pytest.approx(
        {2: 1e9 * (1 + 1 / 2) / 2, 4: 1e9 * (1 / 3 + 1 / 4) / 2}[high.best_step]
    )


def test_it_is_said_where_resume_continues_nothing(plan):
    notes = []
    run(plan("untrained"), resume=True, note=notes.append)
    assert notes == ["`--resume` continues nothing: untrained is not meta-trained."]
    run(plan(), note=notes.append)
    longer = plan(lengths={"steps": 6, "validate_every": 2, "validation_episodes": 4})
    run(longer, resume=True, note=notes.append)
    run(longer, resume=True, note=notes.append)
    assert notes[1:] == [nothing_to_resume(longer.folder / "seed0")]


def test_frozen_protocols_refuse_other_data(plan, monkeypatch):
    result = run(plan("untrained"))
    golden = (result.dataset_digest, result.episode_digest)
    monkeypatch.setitem(DIGESTS, PROTOCOL.id, golden)
    assert measured(run(plan("untrained"))) == measured(result)
    for name, other in (("dataset", ("f" * 64, golden[1])), ("episodes", (golden[0], "f" * 64))):
        monkeypatch.setitem(DIGESTS, PROTOCOL.id, other)
        with pytest.raises(UserError, match=f"the digest of its {name} is ffffffffffff, here"):
            run(plan("untrained"))


def test_a_diverging_training_is_told_with_a_remedy(plan):
    with pytest.raises(UserError, match=r"the loss became nan .* step 4.*`learning_rate`"):
        run(plan(settings={"fail_at": 3}))


def test_checkpoints_that_cannot_be_written_are_told_before_training(plan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"`run_dir` .* cannot be written"):
        run(plan(run_dir=tmp_path / "file"))
