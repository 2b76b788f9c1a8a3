"""Runs whose seeds are trained together: the same results and files as one seed after another."""

import re
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.learner import Foundation, Source
from metabench.errors import UserError
from metabench.recipes import Recipe
from metabench.tracks.fewshot import plan as plan_module
from metabench.tracks.fewshot import trainings
from metabench.tracks.fewshot.replan import state_of
from metabench.training.checkpoints import steps_in
from metabench.training.together import ApartError
from metabench.types import ClassTable, Split
from tests.tracks.fewshot.made_up import TRAIN, counting, measured, run

SEEDS = (0, 1, 2)
AFTER = "The seeds are trained one after another: "


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder of runs, and what came of them."""
    return tmp_path_factory.mktemp("apart"), []


@pytest.fixture
def apart(plan, kept):
    """What the seeds come to one after another."""
    folder, found = kept
    if not found:
        found += measured(run(plan(seeds=SEEDS, run_dir=folder)))
    return found


def files_in(folder):
    """The paths below a folder, with random names as `*`."""
    paths = (str(one.relative_to(folder)) for one in folder.rglob("*"))
    return {re.sub("[0-9a-f]{32}", "*", path) for path in paths}


def test_the_result_is_that_of_one_seed_after_another(plan, apart, kept):
    steps, ended, notes = [], [], []
    made = plan(seeds=SEEDS)
    result = run(
        made,
        together=True,
        training=lambda seed, report: steps.append((seed, report.step)),
        trained=lambda seed, trained: ended.append(seed),
        note=notes.append,
    )
    assert measured(result) == apart
    assert steps == [(seed, step) for step in (2, 4) for seed in SEEDS]
    assert ended == list(SEEDS)
    assert notes == []
    assert len({one.cost["train_seconds"] for one in result.runs}) == 1
    other = kept[0] / made.folder.relative_to(made.run_dir)
    for seed in SEEDS:
        assert files_in(made.folder / f"seed{seed}") == files_in(other / f"seed{seed}")
    again = replace(made, tested_training=made.protocol.id)  # each from its own checkpoint
    assert measured(run(again)) == apart
    assert int(state_of(made, 1).steps) == result.runs[1].best_step


def test_an_interrupted_run_goes_on_together_or_one_by_one(plan, apart):
    for together in (True, False):

        def stop(seed, report):
            if (seed, report.step) == (2, 4):
                raise KeyboardInterrupt

        made = plan(seeds=SEEDS)
        with pytest.raises(KeyboardInterrupt):
            run(made, together=True, training=stop)
        assert [steps_in(made.folder / f"seed{seed}") for seed in SEEDS] == [[2]] * 3
        assert measured(run(made, together=together, resume=True)) == apart


def test_without_resume_earlier_checkpoints_are_moved_aside(plan, apart):
    made, notes = plan(seeds=SEEDS), []
    run(made)
    assert measured(run(made, together=True, note=notes.append)) == apart
    assert sum("seed2.previous" in note for note in notes) == 1
    assert len(notes) == 3


def test_memory_that_runs_out_is_met_by_one_seed_after_another(plan, apart, monkeypatch):
    usual, notes = trainings.meta_train_seeds, []

    def out_of_memory(*given, seeds, progress, **options):
        def stop(seed, report):
            if len(seeds) > 1 and report.step == 4:
                raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

        return usual(*given, seeds=seeds, progress=stop, **options)

    monkeypatch.setattr(trainings, "meta_train_seeds", out_of_memory)
    result = run(plan(seeds=SEEDS), together=True, note=notes.append)
    assert measured(result) == apart
    assert notes == [AFTER + "memory ran out."]  # and the checkpoints of step 2 were continued


def test_what_cannot_be_together_is_told_and_trained_as_usual(plan, apart, monkeypatch):
    def refused(*given):
        raise ApartError("a reason")

    notes = []
    monkeypatch.setattr(trainings, "together", refused)
    assert measured(run(plan(seeds=SEEDS), together=True, note=notes.append)) == apart
    assert notes == [AFTER + "a reason."]


def test_seeds_one_after_another_share_what_is_compiled(plan, apart, monkeypatch):
    made, usual = [], trainings.programs

    def counted(*given):
        made.append(usual(*given))
        return made[-1]

    monkeypatch.setattr(trainings, "programs", counted)
    assert measured(run(plan(seeds=SEEDS))) == apart
    assert len(made) == 1


def test_a_seed_that_diverges_is_named(plan):
    with pytest.raises(UserError, match=r"the loss of seed 0 became nan by step 4"):
        run(plan(seeds=SEEDS, settings={"fail_at": 3}), together=True)


def built_on_counting(shape, *, relabels: bool = False):
    """Begins with the weights of a trained `counting`, and may be shown other classes."""
    source = counting(shape)._replace(embed=lambda state, images: jnp.zeros((len(images), 2)))

    def keep(state, below, images, key):
        return state._replace(weight=below.weight)

    def relabel(below, images, key):
        order = np.random.default_rng(int(below.weight[0] * 1e6)).permutation(len(images))
        members = jnp.asarray(order.reshape(-1, 20), jnp.int32)
        number = len(members)
        return ClassTable(images, members, jnp.full(number, 20), jnp.arange(number))

    foundation = Foundation(Source("counting", {}, source), keep, relabel if relabels else None)
    return counting(shape)._replace(foundation=foundation)


@pytest.mark.parametrize("relabels", [False, True])
def test_what_learners_build_on_is_trained_in_the_same_way(
    relabels, plan, dataset, monkeypatch, tmp_path
):
    monkeypatch.setattr(plan_module.recipes, "find", lambda *given: Recipe("short", train=TRAIN))
    names = tuple("abcdefghijklmno")
    parts = {"train": names[:5], "val": names[5:10], "test": names[10:]}
    larger = dataset._replace(
        images=np.resize(dataset.images, (300, 4, 4, 1)),
        labels=np.repeat(np.arange(15, dtype=np.int32), 20),
        class_names=names,
        splits={"only": Split("only", parts, 1, "5" * 64)},
    )
    found, notes = [], []
    for together in (False, True):
        made = plan(
            built_on_counting,
            dataset=larger,
            seeds=(0, 1),
            run_dir=tmp_path / f"{together}",
            settings={"relabels": relabels},
        )
        found.append(run(made, together=together, note=notes.append))
    assert measured(found[0]) == measured(found[1])
    assert found[0].runs[0].correct != found[0].runs[1].correct
    assert [note for note in notes if note.startswith(AFTER)] == (
        [AFTER + "each seed has constructed classes of its own."] if relabels else []
    )
    trained = {one.cost["source_seconds"] for one in found[1].runs}
    assert relabels or len(trained) == 1  # the source's seconds are divided, too
