"""How many examples of each class are taken, and which state classifies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import metabench
from metabench import data
from metabench.errors import UserError
from metabench.learners.untrained.pixel_nn import pixel_nn
from metabench.recipes import Recipe
from metabench.tracks.fewshot.plan import plan_run
from metabench.tracks.fewshot.predict import Examples, predict, shares
from metabench.types import EpisodeShape, Protocol


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ([2, 2, 2], [2, 2, 2]),
        ([2, 3, 4], [2, 3, 4]),
        ([2, 3, 3], [2, 2, 2]),
        ([1, 5], [1, 5]),
        ([1, 12], [1, 11]),
        ([4, 9], [4, 8]),
        ([3, 3, 8], [3, 3, 6]),
        ([1, 1, 1], [1, 1, 1]),
    ],
)
def test_as_many_as_an_episode_may_have(there, taken):
    assert shares(there) == taken
    shot, rest = divmod(sum(taken), len(taken))
    assert rest == 0
    assert max(abs(one - shot) for one in taken) < max(shot, 1)


def balanced(shape: EpisodeShape):
    """One that needs equally many."""
    return pixel_nn(shape)._replace(balanced=True)


@pytest.fixture
def folders(tmp_path_factory):
    """Two bars of one class and four of another."""
    place = tmp_path_factory.mktemp("drawn") / "images"
    for name, many in (("low", 2), ("up", 4)):
        for one in range(many):
            pixels = np.full((28, 28), one, np.uint8)
            pixels[slice(2, 9) if name == "up" else slice(18, 25)] = 200
            (place / name).mkdir(exist_ok=True, parents=True)
            Image.fromarray(pixels).save(place / name / f"{one}.png")
    return place


@pytest.mark.parametrize(("learner", "told"), [("pixel_nn", "2 to 4"), (balanced, "2 of each")])
def test_only_who_needs_equal_numbers_gets_them(folders, learner, told, capsys, monkeypatch):
    monkeypatch.chdir(folders.parent)
    result = metabench.run(learner, dataset="strokes", episodes=2, progress=False)
    found = metabench.predict(
        result, folders, folders, learner=None if isinstance(learner, str) else learner
    )
    assert f"examples: {told}" in capsys.readouterr().err
    assert found.answers == [Path(name).parent.name for name in found.names]


def test_a_learner_that_builds_on_another_asks_for_its_training(tmp_path, folders):
    protocol = Protocol("strokes", "alphabets", way=2, shot=2, query=1, episodes=2, image_size=28)
    held = data.load_or_prepare("strokes", 28, progress=False)
    plan = plan_run(
        "logistic", protocol, held, recipe=Recipe("none"), settings={}, lengths={}, seeds=(0,),
        run_dir=tmp_path / "runs",
    )  # fmt: skip
    support = Examples(
        ("a", "b"), np.zeros((4, 28, 28, 1), np.uint8), np.array([0, 0, 1, 1], np.int32), 0
    )
    with pytest.raises(
        UserError, match=r"the training behind the result is not here: there is no .*`run-dir`"
    ):
        predict(plan, support, folders)
