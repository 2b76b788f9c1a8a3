"""A run: what is refused before it begins, what it returns, and how it goes on after a stop.

The learner here is made up and quick: nearest class means on weighted pixels, whose
weights training moves at random.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import registry
from metabench.contracts.learner import TEST_ONLY, Learner
from metabench.errors import UserError
from metabench.recipes import Recipe
from metabench.results import document as results
from metabench.tasks.protocols import DIGESTS
from metabench.tracks.fewshot.plan import plan_run
from metabench.tracks.fewshot.run import execute
from metabench.training.watcher import Watcher, count
from metabench.types import Dataset, Protocol, Split

PROTOCOL = Protocol("made-up", "only", way=3, shot=1, query=2, episodes=10, image_size=4)
TRAIN = {"steps": 4, "validate_every": 2, "validation_episodes": 4}
COST = {
    "train_seconds",
    "train_episodes_per_second",
    "test_episodes_per_second",
    "adaptation_ms",
    "peak_memory_mb",
}


class State(NamedTuple):
    weight: jax.Array  # [16]
    steps: jax.Array  # []


def counting(shape, *, steps: int = 9, noise: float = 1.0, fail_at: int = 1000, mean: bool = True):
    """A learner that is mostly right, and how far depends on its seed and every step."""
    del steps, noise

    def init(key):
        return State(jax.random.normal(key, (16,)), jnp.int32(0))

    def flat(images):
        return images.reshape(images.shape[0], -1).astype(jnp.float32) / 255

    def adapt(state, support_x, support_y, key):
        member = jax.nn.one_hot(support_y, shape.way, axis=0)
        means = member @ flat(support_x) / member.sum(1, keepdims=True)
        return means * state.weight[None], state.weight

    def predict(task, query_x):
        means, weight = task
        return -jnp.square((flat(query_x) * weight[None])[:, None] - means[None]).sum(-1)

    def train(state, episodes, key):
        loss = jnp.where(state.steps + 1 >= fail_at, jnp.nan, 1.0 / (state.steps + 1))
        metrics = {"loss": loss, "accuracy": jnp.float32(0.5)}
        return State(state.weight + jax.random.normal(key, (16,)), state.steps + 1), metrics

    return Learner(init, adapt, predict, train, lambda state: state.weight, transductive=not mean)


def untrained(shape, *, mean: bool = True):
    return counting(shape, mean=mean)._replace(train=None, parameters=None)


class Point(NamedTuple):
    """An entry point of nobody's."""

    factory: object
    dist: None = None

    def load(self):
        return self.factory


@pytest.fixture(autouse=True)
def learners(monkeypatch):
    """The learners above are registered, and no others."""
    points = {"counting": Point(counting), "untrained": Point(untrained)}
    monkeypatch.setattr(registry, "_points", lambda group: points)


@pytest.fixture(scope="module")
def dataset():
    """12 classes of 5 noisy drawings."""
    random = np.random.default_rng(0)
    classes = random.integers(0, 130, (12, 1, 4, 4, 1))
    images = classes + random.integers(0, 125, (12, 5, 4, 4, 1))
    names = tuple("abcdefghijkl")
    parts = {"train": names[:4], "val": names[4:8], "test": names[8:]}
    return Dataset(
        name="made-up",
        images=images.reshape(60, 4, 4, 1).astype(np.uint8),
        labels=np.repeat(np.arange(12, dtype=np.int32), 5),
        class_names=names,
        splits={"only": Split("only", parts, 1, "5" * 64)},
        default_split="only",
        digest="d" * 64,
        source="a test",
    )


@pytest.fixture
def plan(dataset, tmp_path):
    """`plan(learner, protocol, ...)` with everything usual left out."""

    def planned(learner="counting", protocol=PROTOCOL, recipe=None, dataset=dataset, **changes):
        usual = {"settings": {}, "train": TRAIN, "seeds": (0,), "run_dir": tmp_path / "runs"}
        recipe = recipe or Recipe("a recipe")
        return plan_run(learner, protocol, dataset, recipe=recipe, **(usual | changes))

    return planned


def run(plan, resume=False, **watchers):
    return execute(plan, resume=resume, command="a command", watcher=Watcher(**watchers))


def measured(result):
    return [
        (r.seed, r.accuracy, r.correct, r.validation_accuracy, r.best_step) for r in result.runs
    ]


def test_settings_come_from_the_command_then_the_recipe_then_the_defaults(plan):
    recipe = Recipe("mine", {"noise": 2.0, "fail_at": 50}, {"steps": 6, "batch": 2})
    made = plan(recipe=recipe, settings={"noise": 3.0}, train={"steps": 8})
    assert made.hyperparameters == {"noise": 3.0, "fail_at": 50, "mean": True, "steps": 8}
    assert (made.train.steps, made.train.batch, made.train.chunk) == (8, 2, 25)
    own = plan(settings={"steps": 5}, train={"steps": 8})
    assert (own.hyperparameters["steps"], own.train.steps) == (5, 8)
    assert plan("untrained").hyperparameters == {"mean": True}
    assert made.shape.image == (4, 4, 1)


@pytest.mark.parametrize(("given", "batch"), [({}, 6), ({"batch": 2}, 2)])
def test_a_learner_says_how_many_tasks_where_nobody_else_does(plan, monkeypatch, given, batch):
    points = {"counting": Point(lambda shape: counting(shape)._replace(batch=6))}
    monkeypatch.setattr(registry, "_points", lambda group: points)
    assert plan(train={**TRAIN, **given}).train.batch == batch


def test_a_setting_has_a_folder_of_its_own(plan, tmp_path):
    folders = {
        plan().folder,
        plan(settings={"noise": 2.0}).folder,
        plan(train=TRAIN | {"steps": 6}).folder,
        plan(protocol=replace(PROTOCOL, episodes=20)).folder,
        plan("untrained").folder,
    }
    assert len(folders) == 5
    assert plan().folder == plan(seeds=(1, 2)).folder  # seeds are folders within
    assert plan().folder.parent == tmp_path / "runs" / PROTOCOL.id


@pytest.mark.parametrize(
    ("protocol", "complaint"),
    [
        ({"way": 5}, "`way` is 5, but the train part of made-up/only has 4 classes: take 1 to 4"),
        ({"way": 0}, "`way` is 0"),
        ({"shot": 0}, "`shot` is 0; it must be at least 1"),
        ({"query": 5}, "`shot` + `query` is 1 + 5 = 6"),
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
        ({"train": {"stps": 1}}, "no `stps` (did you mean `steps`?)"),
        ({"train": {"chunk": 0}}, "`chunk` is 0"),
        ({"learner": "countng"}, "unknown learner `countng` (did you mean `counting`?)"),
    ],
)
def test_wrong_settings_are_refused(plan, changes, complaint):
    with pytest.raises(UserError) as caught:
        plan(**changes)
    assert complaint in str(caught.value)


def test_a_result_holds_everything_about_its_run(plan):
    made = plan(seeds=(3, 4), recipe=Recipe("mine"))
    result = run(made)
    assert results.from_json(results.to_json(result)) == result
    assert (result.learner, result.command) == ("counting", "a command")
    assert result.hyperparameters == made.hyperparameters
    assert result.recipe == {"name": "mine", "train": asdict(made.train)}
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
        assert set(one.cost) == COST
        assert one.cost["train_episodes_per_second"] > 0
    assert result.runs[0].correct != result.runs[1].correct


def test_one_training_is_tested_under_several_protocols(plan):
    first = run(plan(seeds=(3, 4)))
    other = replace(PROTOCOL, query=4, episodes=20)
    said = []
    made = plan(protocol=other, seeds=(3, 4), trained_for=PROTOCOL.id)
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
    again = run(plan(seeds=(3, 4), trained_for=PROTOCOL.id))
    assert [one.correct for one in again.runs] == [one.correct for one in first.runs]
    assert plan("untrained", trained_for=PROTOCOL.id).trained_for is None


def test_one_training_serves_all_values_of_an_option_of_the_test_alone(plan, monkeypatch):
    def turned(shape, *, mirror: Annotated[bool, TEST_ONLY] = False, noise: float = 1.0):
        learner = counting(shape, noise=noise)
        if not mirror:
            return learner
        return learner._replace(predict=lambda task, query_x: -learner.predict(task, query_x))

    points = {"turned": Point(turned)}
    monkeypatch.setattr(registry, "_points", lambda group: points)
    assert registry.test_only("turned") == ("mirror",)
    first = run(plan("turned"))
    mirrored = plan("turned", settings={"mirror": True}, trained_for=PROTOCOL.id)
    assert mirrored.folder == plan("turned").folder
    other = run(mirrored)
    assert other.hyperparameters["mirror"] is True
    assert other.runs[0].accuracy < first.runs[0].accuracy
    # Trained with the option set, a learner is trained and validated as without it.
    again = run(plan("turned", settings={"mirror": True}))
    for one in (other, again):
        assert one.runs[0].validation_accuracy == first.runs[0].validation_accuracy
    assert again.runs[0].correct == other.runs[0].correct


def test_a_training_that_is_not_there_or_not_at_its_end_is_refused(plan):
    with pytest.raises(UserError, match="`trained_for` names no training with these settings"):
        run(plan(trained_for=PROTOCOL.id))
    stopped = plan(settings={"fail_at": 3, "steps": 4})
    with pytest.raises(UserError, match="the loss became"):
        run(stopped)
    with pytest.raises(UserError, match=r"ended at step 2 of 4: .*continue it first"):
        run(plan(settings={"fail_at": 3, "steps": 4}, trained_for=PROTOCOL.id))


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
    made = plan(protocol=protocol, dataset=tested, training=dataset)
    for part, number, images in (("train", 4, dataset), ("val", 4, dataset), ("test", 12, tested)):
        table = made.tables[part]
        assert len(table.counts) == number
        assert np.isin(np.asarray(table.images), images.images).all()
    result = run(made)
    assert result.protocol.id.endswith("-after-made-up-only-v2")
    assert (result.dataset_digest, result.training_digest) == ("e" * 64, "d" * 64)
    assert result.split_digest == "7" * 64


def test_meta_training_needs_classes_and_images_of_the_same_size(plan, dataset):
    parts = {"train": (), "val": (), "test": dataset.class_names}
    alone = dataset._replace(splits={"only": Split("only", parts, 1, "")})
    with pytest.raises(UserError, match="has no classes to meta-train on"):
        plan(dataset=alone)
    small = dataset._replace(images=dataset.images[:, :2])
    with pytest.raises(UserError, match=r"images \(2, 4, 1\) .* but the test's are \(4, 4, 1\)"):
        plan(protocol=replace(PROTOCOL, trained_on="made-up/only"), training=small)
    assert plan("untrained", dataset=alone, protocol=PROTOCOL).tables.keys() == {"test"}


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


def test_parameters_are_counted():
    assert count({"a": jnp.zeros((3, 4)), "b": [jnp.zeros(5), jnp.float32(1)]}) == 18
    assert count(()) == 0


def test_norm_decides_whether_a_registered_learner_is_transductive(plan, dataset, monkeypatch):
    monkeypatch.undo()
    images = np.zeros((60, 16, 16, 1), np.uint8)
    shape = {"protocol": replace(PROTOCOL, image_size=16), "recipe": Recipe("none"), "train": {}}
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
