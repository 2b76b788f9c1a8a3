"""An entry of a learner in a file, small and made once; tests change copies of it."""

import shutil

import pytest

from metabench.compute.native import use_native
from metabench.conformance.check import Outcome
from metabench.entries import submit as submitting
from metabench.entries.folder import read
from metabench.entries.submit import Submission, submit
from metabench.tracks.fewshot.request import Places
from metabench.types import Protocol

PROTOCOL = Protocol("strokes", "alphabets", way=3, shot=1, query=2, episodes=8, image_size=28)
CLAIMS = {"authors": ["A. Author"], "licence": "MIT"}
TEXT = '''
"""Nearest class means on pixels with learned weights."""

import jax
import jax.numpy as jnp

from metabench import EpisodeLearner, EpisodeShape, Training


def mine(shape: EpisodeShape, *, power: float = 1.0):
    def flat(images):
        return images.reshape(images.shape[0], -1).astype(jnp.float32) / 255

    def adapt(state, support_x, support_y, key):
        member = jax.nn.one_hot(support_y, shape.way, axis=0)
        means = member @ flat(support_x) / member.sum(1, keepdims=True)
        return means, state["params"]

    def predict(task, query_x):
        means, weight = task
        gaps = jnp.abs(flat(query_x)[:, None] - means[None]) ** power
        return -(gaps * weight[None, None]).sum(-1)

    def init(key):
        return {"params": jnp.ones(shape.image[0] * shape.image[1])}

    def step(state, episodes, key):
        noise = 0.1 * jax.random.normal(key, state["params"].shape)
        metrics = {"loss": jnp.float32(1.0), "accuracy": jnp.float32(0.5)}
        return {"params": jnp.abs(state["params"] + noise)}, metrics

    return EpisodeLearner(init, adapt, predict, Training(step))
'''


def passed(submission):
    return [Outcome("vmap", "passed"), Outcome("streams", "skipped", "it takes none")]


def submission(learner, run_dir, **changes):
    usual = {"settings": {}, "train": {"steps": 2, "validate_every": 2, "validation_episodes": 4}}
    places = Places(run_dir, quiet=True)
    return Submission(learner, (PROTOCOL,), CLAIMS, places=places, **(usual | changes))


@pytest.fixture(scope="package", autouse=True)
def native():
    """XLA's own convolutions, which compile faster."""
    with use_native(True):
        yield


@pytest.fixture(scope="package")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("entry")
    (root / "mine.py").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submitting, "checked", passed)
        asked = submission(f"{root}/mine.py:mine", root / "runs")
        submit(asked, root / "entry", command="metabench submit mine.py:mine")
    return root / "entry"


@pytest.fixture
def entry(original, tmp_path):
    shutil.copytree(original, tmp_path / "entry")
    return read(tmp_path / "entry")
