"""A run that continues an earlier training, or tests it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
import pytest

from metabench import registry
from metabench.contracts.options import TEST_ONLY
from metabench.errors import UserError
from tests.tracks.fewshot.made_up import PROTOCOL, TRAIN, Point, counting, measured, run

pytestmark = pytest.mark.slow


def test_after_a_stop_resume_ends_where_an_unbroken_run_does(plan):
    states, resumed_states, steps = {}, {}, []
    whole = run(
        plan(seeds=(0, 1), settings={"noise": 5.0}),  # in a folder of its own
        trained=lambda seed, trained: states.update({seed: trained.last}),
    )

    def stop(seed, report):
        if (seed, report.step) == (1, 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan(seeds=(0, 1)), training=stop)
    resumed = run(
        plan(seeds=(0, 1)),
        resume=True,
        trained=lambda seed, trained: resumed_states.update({seed: trained.last}),
        training=lambda seed, report: steps.append((seed, report.step)),
    )
    assert steps == [(1, 4)]
    assert measured(resumed) == measured(whole)
    for seed in (0, 1):
        assert int(states[seed].steps) == 4
        np.testing.assert_array_equal(states[seed].weight, resumed_states[seed].weight)


def test_without_resume_a_run_begins_anew(plan):
    run(plan())
    steps = []
    run(plan(), training=lambda seed, report: steps.append(report.step))
    assert steps == [2, 4]


def test_one_training_is_tested_under_several_protocols(plan):
    first = run(plan(seeds=(3, 4)))
    other = replace(PROTOCOL, query=4, episodes=20)
    said = []
    made = plan(protocol=other, seeds=(3, 4), tested_training=PROTOCOL.id)
    result = run(made, training=lambda *a: said.append(a), trained=lambda *a: said.append(a))
    assert said == []
    assert result.protocol.id == other.id
    assert result.recipe["trained_for"] == PROTOCOL.id
    for one, its_own in zip(result.runs, first.runs, strict=True):
        assert (one.best_step, one.validation_accuracy) == (
            its_own.best_step,
            its_own.validation_accuracy,
        )
        assert len(one.correct) == 20
    again = run(plan(seeds=(3, 4), tested_training=PROTOCOL.id))
    assert [one.correct for one in again.runs] == [one.correct for one in first.runs]
    assert plan("untrained", tested_training=PROTOCOL.id).tested_training is None


def test_a_tested_training_needs_no_validation_classes_for_the_way_of_the_test(plan, dataset):
    names = dataset.class_names
    parts = {"train": names[:5], "val": names[5:8], "test": names[8:]}
    small = dataset._replace(splits={"only": dataset.splits["only"]._replace(parts=parts)})
    run(plan(dataset=small))
    wide = replace(PROTOCOL, way=4)
    result = run(plan(protocol=wide, dataset=small, tested_training=PROTOCOL.id))
    assert len(result.runs[0].correct) == wide.episodes
    with pytest.raises(UserError, match="`way` is 4, but the val part of made-up/only has 3"):
        plan(protocol=wide, dataset=small)


def test_one_training_serves_all_values_of_an_option_of_the_test_alone(plan, monkeypatch):
    def turned(shape, *, mirror: Annotated[bool, TEST_ONLY] = False, noise: float = 1.0):
        learner = counting(shape, noise=noise)
        if not mirror:
            return learner
        return learner._replace(predict=lambda task, query_x: -learner.predict(task, query_x))

    points = {"turned": Point(turned)}
    monkeypatch.setattr(registry, "_points", lambda group: points)
    assert registry.only_in_test("turned") == ("mirror",)
    first = run(plan("turned"))
    mirrored = plan("turned", settings={"mirror": True}, tested_training=PROTOCOL.id)
    assert mirrored.folder == plan("turned").folder
    other = run(mirrored)
    assert other.hyperparameters["mirror"] is True
    assert other.runs[0].accuracy < first.runs[0].accuracy
    # Trained with the option set, a learner is trained and validated as without it.
    again = run(plan("turned", settings={"mirror": True}))
    for one in (other, again):
        assert one.runs[0].validation_accuracy == first.runs[0].validation_accuracy
    assert again.runs[0].correct == other.runs[0].correct


def test_one_training_serves_its_best_and_its_last_step(plan):
    told = []
    for seed in range(9):  # one whose best step is not the last
        best = run(plan(seeds=(seed,)), trained=lambda seed, found: told.append(found))
        if best.runs[0].best_step < 4:
            break
    lengths = TRAIN | {"select": "last"}
    last = run(plan(seeds=(seed,), lengths=lengths, tested_training=PROTOCOL.id))
    assert plan(lengths=lengths).folder == plan().folder
    assert [one.runs[0].best_step for one in (best, last)] == [2, 4]
    validations = [point.validation for point in told[-1].history]
    assert [one.runs[0].validation_accuracy for one in (best, last)] == validations
    assert last.runs[0].correct != best.runs[0].correct
    assert "select" not in best.recipe["train"]
    assert last.recipe["train"]["select"] == "last"
    trained = run(plan(seeds=(seed,), lengths=lengths))  # trained anew, it is the same
    assert measured(trained) == measured(last)


def test_a_training_that_is_not_there_or_not_at_its_end_is_refused(plan):
    with pytest.raises(UserError, match="`trained_for` names no training with these settings"):
        run(plan(tested_training=PROTOCOL.id))
    stopped = plan(settings={"fail_at": 3, "steps": 4})
    with pytest.raises(UserError, match="the loss became"):
        run(stopped)
    with pytest.raises(UserError, match=r"ended at step 2 of 4: .*continue it first"):
        run(plan(settings={"fail_at": 3, "steps": 4}, tested_training=PROTOCOL.id))


@pytest.mark.parametrize("cut", [0, 200])
def test_a_damaged_training_is_named_and_not_called_one_of_another_form(plan, cut):
    run(plan())
    (manifest,) = (plan().folder / "seed0").glob("4/arrays/manifest.ocdbt")
    manifest.write_bytes(manifest.read_bytes()[:cut] + b"x")
    for made, resume in ((plan(), True), (plan(tested_training=PROTOCOL.id), False)):
        with pytest.raises(UserError, match=f"as {manifest} is damaged; remove .*seed0 to train"):
            run(made, resume=resume)
