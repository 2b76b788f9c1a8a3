"""The front door in Python: a run, its training under another protocol, saving and ranking."""

import shlex

import numpy as np
import pytest

import metabench
from metabench.cli.settings import parse_settings
from metabench.compute.native import use_native
from metabench.errors import UserError
from metabench.learners.metric.protonet import protonet
from metabench.results.document import from_json, to_json
from metabench.tracks.fewshot.request import Asked, Request, as_command, plan_of

pytestmark = pytest.mark.slow

SHORT = {"steps": 4, "validate_every": 2, "validation_episodes": 4, "chunk": 2}
WHERE = {"dataset": "strokes", "episodes": 6, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def native():
    """XLA's own convolutions, which compile faster."""
    with use_native(True):
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def trained(place):
    return metabench.run("protonet", settings={"width": 8}, train=SHORT, run_dir=place, **WHERE)


def test_a_run_ends_in_a_result_that_can_be_written(trained):
    assert trained.protocol.id == "strokes-alphabets-5way-1shot-6episodes-v2"
    assert trained.runs[0].train_steps == 4
    assert trained.hyperparameters["width"] == 8
    assert from_json(to_json(trained)) == trained


def test_the_command_in_the_result_asks_for_the_same(trained):
    words = shlex.split(trained.command)
    assert words[:4] == ["metabench", "run", "--learner", "protonet"]
    pairs = [words[i + 1] for i, word in enumerate(words) if word == "--train"]
    assert parse_settings(pairs) == SHORT


def test_settings_of_every_kind_are_written_as_they_are_read():
    settings = {"clip": None, "full": True, "rate": 0.5, "norm": "batch", "inner": {"a": 1}}
    request = Request("protonet", Asked("strokes", within_alphabet=True), settings=settings)
    words = shlex.split(as_command(request))
    pairs = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert parse_settings(pairs) == settings
    assert "--within-alphabet" in words


def test_a_training_is_tested_under_another_protocol(trained, place):
    found = metabench.evaluate(trained, way=8, run_dir=place, progress=False)
    assert found.protocol.id == "strokes-alphabets-8way-1shot-6episodes-v2"
    assert found.recipe["trained_for"] == trained.protocol.id
    assert found.parameter_count == trained.parameter_count
    again = metabench.evaluate(trained, run_dir=place, progress=False)
    np.testing.assert_array_equal(again.per_episode(), trained.per_episode())
    third = metabench.evaluate(found, way=6, run_dir=place, progress=False)
    assert third.recipe["trained_for"] == trained.protocol.id


def test_a_training_that_is_gone_is_one_sentence(trained, tmp_path):
    with pytest.raises(UserError, match="`trained_for` names no training with these settings"):
        metabench.evaluate(trained, way=8, run_dir=tmp_path, progress=False)


def own(shape: metabench.EpisodeShape, *, width: int = 8):
    """A factory of the user's."""
    return protonet(shape, width=width)


def test_a_factory_stands_in_place_of_a_name(place):
    result = metabench.run(own, train=SHORT, run_dir=place, **WHERE)
    assert result.learner == "test_api.own"
    assert result.learner_version == "test_api.py, unpackaged"
    assert len(result.learner_digest) == 64
    assert from_json(to_json(result)).learner_digest == result.learner_digest
    found = metabench.evaluate(result, learner=own, way=6, run_dir=place, progress=False)
    assert found.protocol.way == 6


def test_checkpoints_of_another_text_are_not_found(tmp_path):
    places = {"tested": Asked("strokes", episodes=6), "train": SHORT}
    file = tmp_path / "mine.py"
    file.write_text("from metabench.learners.metric.protonet import protonet\n"
                    "def mine(shape):\n    return protonet(shape, width=8)\n")  # fmt: skip
    first = plan_of(Request(f"{file}:mine", **places)).folder
    assert plan_of(Request(f"{file}:mine", **places)).folder == first
    file.write_text(file.read_text() + "# changed\n")
    assert plan_of(Request(f"{file}:mine", **places)).folder != first


def test_what_was_saved_is_ranked(trained, tmp_path):
    metabench.save(trained, tmp_path)
    rows = metabench.leaderboard(tmp_path)[trained.protocol.id]
    assert [row.result for row in rows] == [trained]


def test_an_argument_that_there_is_not_is_one_sentence():
    with pytest.raises(UserError, match=r"there is no argument `ways`.*did you mean `way`"):
        metabench.run("pixel_nn", ways=3)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"way": "5"}, "`way` is '5'; it must be a whole number or none"),
        ({"way": 5.0}, "`way` is 5.0; it must be a whole number"),
        ({"shot": float("nan")}, "`shot` is nan; it must be a whole number"),
        ({"query": (1, 2)}, r"`query` is \(1, 2\); it must be a whole number"),
        ({"way": np.arange(2)}, "`way` is array"),
        ({"dataset": 3}, "`dataset` is 3; it must be text"),
        ({"split": 3}, "`split` is 3; it must be text or none"),
        ({"grey": "no"}, "`grey` is 'no'; it must be true or false"),
        ({"seed": 1.5}, "`seed` is 1.5; it must be a whole number"),
        ({"seeds": "3"}, "`seeds` is '3'; it must be a whole number"),
        ({"seeds_together": 2}, "`seeds_together` is 2; it must be true or false"),
        ({"seeds_together": True}, "`seeds-together` is given, but learner `pixel_nn` is not"),
        ({"resume": "yes"}, "`resume` is 'yes'; it must be true or false"),
        ({"train": "steps=5"}, "`train` is 'steps=5'; it must be a table of names and values or"),
        ({"settings": ["ink=dark"]}, "`settings` is .* it must be a table of names and values"),
        ({"recipe": 3}, "`recipe` is 3; it must be text or none"),
        ({"trained_for": 3}, "`trained_for` is 3; it must be text or none"),
        ({"run_dir": 3}, "`run_dir` is 3; it must be a path or text"),
        ({"cache": 3}, "`cache` is 3; it must be a path or text or none"),
    ],
)
def test_an_argument_of_another_type_is_one_sentence(given, sentence):
    with pytest.raises(UserError, match=sentence):
        metabench.run("pixel_nn", **{**WHERE, **given})


def test_numbers_of_numpy_are_numbers(place):
    found = metabench.run("pixel_nn", way=np.int64(3), seed=np.int32(2), run_dir=place, **WHERE)
    assert found.protocol.way == 3
    assert from_json(to_json(found)) == found


def test_every_exported_name_is_there():
    for name in metabench.__all__:
        assert getattr(metabench, name) is not None
    assert set(metabench.__all__) <= set(dir(metabench))
