"""A run before it begins: whose settings it takes, where its files go, and what is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from metabench import registry
from metabench.contracts.learner import train_shape
from metabench.errors import UserError
from metabench.recipes import Recipe
from metabench.tracks.fewshot.plan import plan_run
from metabench.types import Split
from tests.tracks.fewshot.made_up import PROTOCOL, TRAIN, Point, counting

OWN = """
from metabench import Backbone

def mine(image):
    return Backbone(lambda key: ((), ()), lambda params, stats, x, *, train, key: (x, stats), 1)
"""


def test_settings_come_from_the_command_then_the_recipe_then_the_defaults(plan):
    recipe = Recipe("mine", {"noise": 2.0, "fail_at": 50}, {"steps": 6, "batch": 2})
    made = plan(recipe=recipe, settings={"noise": 3.0}, lengths={"steps": 8})
    assert made.hyperparameters == {
        "noise": 3.0,
        "fail_at": 50,
        "mean": True,
        "scale": 1.0,
        "steps": 8,
    }
    assert (made.lengths.steps, made.lengths.batch, made.lengths.chunk) == (8, 2, 25)
    own = plan(settings={"steps": 5}, lengths={"steps": 8})
    assert (own.hyperparameters["steps"], own.lengths.steps) == (5, 8)
    assert plan("untrained").hyperparameters == {"mean": True}
    assert made.shape.image == (4, 4, 1)


@pytest.mark.parametrize(("given", "batch"), [({}, 6), ({"batch": 2}, 2)])
def test_a_learner_says_how_many_tasks_where_nobody_else_does(plan, monkeypatch, given, batch):
    def six(shape):
        learner = counting(shape)
        return learner._replace(training=learner.training._replace(batch=6))

    points = {"counting": Point(six)}
    monkeypatch.setattr(registry, "_points", lambda group: points)
    assert plan(lengths={**TRAIN, **given}).lengths.batch == batch


def test_a_setting_has_a_folder_of_its_own(plan, tmp_path):
    folders = {
        plan().folder,
        plan(settings={"noise": 2.0}).folder,
        plan(lengths=TRAIN | {"steps": 6}).folder,
        plan(protocol=replace(PROTOCOL, episodes=20)).folder,
        plan("untrained").folder,
    }
    assert len(folders) == 5
    assert plan().folder == plan(seeds=(1, 2)).folder  # seeds are folders within
    assert plan().folder.parent == tmp_path / "runs" / PROTOCOL.id


@pytest.mark.parametrize(
    ("protocol", "complaint"),
    [
        ({"way": 5}, "`way` is 5, but the train part of made-up/only has 4 classes: take 2 to 4"),
        ({"way": 0}, "`way` is 0"),
        ({"shot": 0}, "`shot` is 0; it must be at least 1"),
        ({"query": 5}, "`shot` + `query` is 1 + 5 = 6"),
        ({"query": 3, "query_spread": 2}, "`shot` + `query` is at most 1 + 5 = 6"),
        ({"shot_spread": 1}, "`shot` is 0; it must be at least 1"),
        ({"episodes": 1}, "`episodes` is 1; an interval needs at least 2"),
        ({"split": "other"}, "dataset `made-up` has no split `other`; it has: only"),
    ],
)
def test_impossible_protocols_are_refused(plan, protocol, complaint):
    with pytest.raises(UserError) as caught:
        plan(protocol=replace(PROTOCOL, **protocol))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"settings": {"nois": 1.0}}, "no option `nois` (did you mean `noise`?)"),
        ({"recipe": Recipe("r", {"noise": "much"})}, "`noise` of learner `counting` is 'much'"),
        ({"lengths": {"stps": 1}}, "no `stps` (did you mean `steps`?)"),
        ({"lengths": {"chunk": 0}}, "`chunk` is 0"),
        ({"learner": "countng"}, "unknown learner `countng` (did you mean `counting`?)"),
    ],
)
def test_wrong_settings_are_refused(plan, changes, complaint):
    with pytest.raises(UserError) as caught:
        plan(**changes)
    assert complaint in str(caught.value)


UNEVEN = replace(PROTOCOL, shot=2, shot_spread=1)


def test_uneven_episodes_are_those_of_validation_and_test_and_not_of_the_training(plan):
    made = plan(protocol=UNEVEN)
    assert (made.shape.shot_spread, made.shape.query_spread) == (1, 0)
    assert train_shape(made.learner, made.shape) == made.shape.even
    assert made.folder.parent.name == "made-up-only-3way-1to3shot-2query-10episodes-4px-v2"


def test_a_learner_that_needs_even_episodes_has_no_part_in_uneven_ones(plan, monkeypatch):
    def balanced(shape):
        return counting(shape)._replace(balanced=True)

    monkeypatch.setattr(registry, "_points", lambda group: {"counting": Point(balanced)})
    assert plan().learner.balanced
    with pytest.raises(UserError, match="`counting` needs equally many images of each class"):
        plan(protocol=UNEVEN)


def test_none_as_it_is_typed_is_the_word_where_an_option_has_it_among_its_choices(
    plan, dataset, monkeypatch
):
    monkeypatch.undo()
    small = dataset._replace(images=np.zeros((60, 16, 16, 1), np.uint8))
    usual = {"seeds": (0,), "run_dir": None, "recipe": Recipe("none"), "lengths": {}}
    protocol = replace(PROTOCOL, image_size=16)
    for value in (None, "none"):
        settings = {"norm": value, "clip": None}
        made = plan_run("protonet", protocol, small, settings=settings, **usual)
        assert (made.hyperparameters["norm"], made.hyperparameters["clip"]) == ("none", None)


def test_a_backbone_in_a_file_is_recorded_with_its_text(plan, dataset, monkeypatch, tmp_path):
    monkeypatch.undo()
    file = tmp_path / "own.py"
    file.write_text(OWN)
    small = dataset._replace(images=np.zeros((60, 16, 16, 1), np.uint8))
    usual = {"seeds": (0,), "run_dir": tmp_path, "recipe": Recipe("none"), "lengths": {}}
    protocol = replace(PROTOCOL, image_size=16)

    def made(**settings):
        return plan_run("protonet", protocol, small, settings=settings, **usual)

    first = made(backbone=f"{file}:mine")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert first.hyperparameters["backbone_digest"] == digest
    file.write_text(OWN + "\n")
    assert made(backbone=f"{file}:mine").folder != first.folder
    with pytest.raises(UserError, match="whose text is not the one that was trained"):
        made(**first.hyperparameters)  # as a result is replayed
    # The default is not recorded, and of passes there is no training of their own.
    assert made(backbone="conv4").hyperparameters == made().hyperparameters
    assert not {"backbone", "passes"} & set(made().hyperparameters)
    assert made(passes=3).folder == made().folder


def test_meta_training_needs_classes_and_images_of_the_same_size(plan, dataset):
    parts = {"train": (), "val": (), "test": dataset.class_names}
    alone = dataset._replace(splits={"only": Split("only", parts, 1, "")})
    with pytest.raises(UserError, match="has no classes to meta-train on"):
        plan(dataset=alone)
    small = dataset._replace(images=dataset.images[:, :2])
    with pytest.raises(UserError, match=r"images \(2, 4, 1\) .* but the test's are \(4, 4, 1\)"):
        plan(protocol=replace(PROTOCOL, trained_on="made-up/only"), training_data=small)
    assert plan("untrained", dataset=alone, protocol=PROTOCOL).tables.keys() == {"test"}


def test_a_classifier_of_all_training_classes_covers_no_others(plan, dataset, monkeypatch):
    """The softmax has one output for each class that training meets, and each is met."""
    monkeypatch.undo()
    names = dataset.class_names  # the last ones are trained on
    parts = {"train": names[-4:], "val": names[:2], "test": names[:2]}
    small = dataset._replace(
        images=np.zeros((60, 16, 16, 1), np.uint8), splits={"only": Split("only", parts, 4, "")}
    )
    made = plan_run(
        "baseline",
        replace(PROTOCOL, way=2, image_size=16),
        small,
        recipe=Recipe("none"),
        settings={},
        lengths={},
        seeds=(0,),
        run_dir=None,
    )
    assert made.hyperparameters["classes"] == 16
    assert made.tables["train"].class_ids.tolist() == list(range(16))


def test_norm_decides_whether_a_registered_learner_is_transductive(plan, dataset, monkeypatch):
    monkeypatch.undo()
    images = np.zeros((60, 16, 16, 1), np.uint8)
    shape = {"protocol": replace(PROTOCOL, image_size=16), "recipe": Recipe("none"), "lengths": {}}
    usual = {
        "settings": {},
        "seeds": (0,),
        "run_dir": None,
        "dataset": dataset._replace(images=images),
    }
    for norm, transductive in (("running", False), ("batch", True), ("group", False)):
        made = plan_run("protonet", **(usual | shape | {"settings": {"norm": norm}}))
        assert made.learner.transductive is transductive
        assert json.dumps(dict(made.hyperparameters))
