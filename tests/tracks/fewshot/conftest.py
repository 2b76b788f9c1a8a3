"""The made-up learners, registered, and runs of them on made-up drawings."""

from __future__ import annotations

import numpy as np
import pytest

from metabench import registry
from metabench.recipes import Recipe
from metabench.tracks.fewshot.plan import plan_run
from metabench.types import Dataset, Split
from tests.tracks.fewshot.made_up import (
    PROTOCOL,
    TRAIN,
    Point,
    counting,
    speechless,
    stubborn,
    untrained,
)


@pytest.fixture
def learners(monkeypatch):
    """The made-up learners are registered, and no others."""
    known = (counting, speechless, stubborn, untrained)
    points = {one.__name__: Point(one) for one in known}
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
def plan(learners, dataset, tmp_path):
    """`plan(learner, protocol, ...)` with everything usual left out."""

    def planned(learner="counting", protocol=PROTOCOL, recipe=None, dataset=dataset, **changes):
        usual = {"settings": {}, "lengths": TRAIN, "seeds": (0,), "run_dir": tmp_path / "runs"}
        recipe = recipe or Recipe("a recipe")
        return plan_run(learner, protocol, dataset, recipe=recipe, **(usual | changes))

    return planned
