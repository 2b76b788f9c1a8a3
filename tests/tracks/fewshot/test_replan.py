"""From a result file back to the state that it tested."""

import dataclasses
import json

import numpy as np
import pytest

from metabench import data
from metabench.errors import UserError
from metabench.recipes import Recipe
from metabench.results import document as results
from metabench.tracks.fewshot.plan import plan_run
from metabench.tracks.fewshot.replan import plan_of, training_of
from metabench.tracks.fewshot.run import execute
from metabench.training.watcher import Watcher
from metabench.types import Protocol

pytestmark = pytest.mark.slow

PROTOCOL = Protocol("strokes", "alphabets", way=3, shot=1, query=2, episodes=4, image_size=28)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A result that went through its file, its run's last words, and where it ran."""
    folder = tmp_path_factory.mktemp("run")
    strokes = data.load_or_prepare("strokes", progress=False)
    train = {"steps": 4, "validate_every": 2, "validation_episodes": 4}
    plan = plan_run(
        "autoencoder",
        PROTOCOL,
        strokes,
        recipe=Recipe("mine"),
        settings={"hidden": 8, "code": 4},
        lengths=train,
        seeds=(5,),
        run_dir=folder,
    )
    said = []
    watcher = Watcher(trained=lambda seed, trained: said.append(trained))
    result = results.from_json(
        json.dumps(
            json.loads(results.to_json(execute(plan, resume=False, command="", watcher=watcher)))
        )
    )
    return result, said[0], strokes, folder


def test_the_state_is_the_one_that_was_tested(finished):
    result, trained, strokes, folder = finished
    found = training_of(plan_of(result, strokes, strokes, folder))
    assert found.step == trained.best_step
    for name in ("encoder", "decoder"):
        kernel = found.state.params[name][0]["kernel"]
        np.testing.assert_array_equal(kernel, trained.state.params[name][0]["kernel"])


def test_what_is_not_there_is_one_sentence(finished, tmp_path):
    result, _, strokes, folder = finished
    with pytest.raises(UserError, match="there is no"):
        training_of(plan_of(result, strokes, strokes, tmp_path))
    with pytest.raises(UserError, match="prepare it from the same archives"):
        plan_of(result, strokes, strokes._replace(digest="0" * 64), folder)
    untrained = dataclasses.replace(
        result, learner="pixel_nn", hyperparameters={}, recipe={"name": "defaults"}
    )
    with pytest.raises(UserError, match="which trains nothing"):
        training_of(plan_of(untrained, strokes, strokes, folder))
