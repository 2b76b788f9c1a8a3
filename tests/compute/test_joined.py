"""Eight devices train and test learners of several families as one device does.

MAML, which takes long to compile, trains on two devices in `test_episodewise.py`.
"""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import registry
from metabench.compute.devices import copied, here, in_use, using
from metabench.compute.native import use_native
from metabench.conformance import small_settings, strokes_tables
from metabench.contracts.learner import train_shape
from metabench.scoring.episodes import evaluate
from metabench.seeds import root_key
from metabench.tasks.class_table import numbered
from metabench.training.meta_training import initial_state, make_chunk
from metabench.training.spreading import training_devices
from metabench.types import EpisodeShape, StreamShape
from tests.two_devices import on_two_devices

IMAGE = (16, 16, 1)
EPISODES = EpisodeShape(way=4, shot=1, query=2, image=IMAGE)
STREAMS = StreamShape(way=3, presentations=2, image=IMAGE)
BATCH, TASKS = 8, 20
# Their shapes, settings, and whether they take tasks one by one; None where nothing is trained.
LEARNERS = {
    "protonet": (EPISODES, {}, True),
    "baseline": (EPISODES, {"classes": 96, "fit": "nearest_means"}, False),
    "autoencoder": (EPISODES, {}, False),
    "mann": (STREAMS, {}, False),
    "pixel_nn": (EPISODES, {}, None),
}


def found_with(name, devices):
    """The state after a step, the devices of the training, and the right answers to some tasks."""
    shape, settings, _ = LEARNERS[name]
    learner = registry.build_learner(registry.learner(name), shape, small_settings(name) | settings)
    tables = strokes_tables(IMAGE)
    with using(devices), use_native(True):
        assert len(in_use()) == devices
        state, spread = initial_state(learner, 0), []
        counts = evaluate(learner, state, tables["test"], shape, seed=3, episodes=TASKS)
        if learner.training is None:
            return [], 0, counts.tolist()
        spread = training_devices(learner, BATCH)
        first, table = copied((state, numbered(tables["train"])), spread)
        chunk = make_chunk(learner, train_shape(learner, shape), BATCH)
        trained, _ = chunk(first, table, root_key(0), jnp.int32(0), 1)
        return gradients(copied(trained, here()[:1])), len(spread), counts.tolist()


def gradients(state):
    """What a first step adds to the moments of an optimizer; all of the state if it has none."""
    leaves = [
        (jax.tree_util.keystr(path), np.asarray(leaf, np.float64))
        for path, leaf in jax.tree.leaves_with_path(state)
    ]
    return [leaf for name, leaf in leaves if ".mu" in name] or [leaf for _, leaf in leaves]


def farthest(some, others):
    """The largest distance of two arrays, as a part of their length, if they are not near 0."""
    least = 1e-3 * max(map(np.linalg.norm, others), default=0.0)
    pairs = zip(some, others, strict=True)
    return max(
        (np.linalg.norm(a - b) / max(np.linalg.norm(b), least) for a, b in pairs), default=0.0
    )


def compare():
    """What the other process of the next tests does."""
    told = {}
    for name in LEARNERS:
        (alone, one, expected), (there, eight, found) = (found_with(name, n) for n in (1, 8))
        told[name] = {
            "devices": [one, eight],
            "distance": float(farthest(there, alone)),
            "counts": [expected, found],
        }
    print(json.dumps(told))


@pytest.fixture(scope="module")
def told():
    return on_two_devices("tests.compute.test_joined", "compare", 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_eight_devices_are_as_good_as_one(told, name):
    expected, found = told[name]["counts"]
    assert found == expected
    assert len(set(map(str, found))) > 1
    if LEARNERS[name][2] is not None:
        assert told[name]["devices"] == [1, 8]
        assert told[name]["distance"] < 1e-3
