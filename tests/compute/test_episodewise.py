"""Episodes on several devices: the same answers, a part each, and training that resumes."""

import json
import tempfile
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.compute.devices import across, copied, devices_for
from metabench.compute.episodewise import over_episodes
from metabench.compute.native import use_native
from metabench.learners.gradient.maml import maml
from metabench.training import meta_training
from metabench.training.checkpoints import Checkpoints
from metabench.training.lengths import Lengths
from metabench.training.meta_training import accuracy_on, meta_train
from metabench.training.spreading import training_devices
from metabench.types import ClassTable, EpisodeShape
from tests.two_devices import on_two_devices

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=2, shot=1, query=2, image=(16, 16, 1))


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_every_leaf_of_every_argument(native, count):
    tree, x = {"a": jnp.arange(2.0 * count).reshape(count, 2)}, jnp.arange(1.0 * count)
    with use_native(native):
        found = over_episodes(lambda tree, x: {"y": tree["a"].sum() * x})(tree, x)
    assert found["y"].tolist() == [(4 * i + 1) * i for i in range(count)]


def test_a_learner_that_joins_its_tasks_has_one_device(monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: list(range(6)))
    learner = maml(SHAPE)
    assert len(training_devices(learner, 4)) == 4
    assert len(training_devices(_together(learner), 4)) == 1


def _together(learner):
    """The same, but its training step joins the episodes of a batch."""
    return learner._replace(training=learner.training._replace(spread=False))


def spread():
    """What the other process of the next tests does, with as many devices as it has."""
    count = jax.device_count()
    devices = devices_for(4)

    def where(x):
        return x @ x, jax.lax.axis_index("devices")

    with across(devices):
        x = copied(jnp.arange(8.0).reshape(4, 2), devices)
        squares, device = jax.jit(over_episodes(where))(x)
        odd = copied(jnp.arange(10.0).reshape(5, 2), devices)
        uneven = jax.jit(over_episodes(where))(odd)
        slope = jax.jit(jax.grad(lambda x: over_episodes(where)(x)[0].sum()))(odd)
    meta_training.make_chunk = cache(meta_training.make_chunk)  # compiled for the first training
    train = trained()
    with tempfile.TemporaryDirectory() as folder:
        resumed = [trained(Path(folder), steps) for steps in (4, 8)][-1]
    uneven = [part.tolist() for part in (*uneven, slope)]
    print(json.dumps([count, squares.tolist(), device.tolist(), train, resumed, uneven]))


@cache
def subject():
    """A small MAML, its classes, and its measure in validation."""
    classes = jax.random.bits(jax.random.key(0), (4 * 6, 16, 16, 1), jnp.uint8)
    members = jnp.arange(24, dtype=jnp.int32).reshape(4, 6)
    table = ClassTable(classes, members, jnp.full(4, 6), jnp.arange(4))
    learner = maml(SHAPE, inner_steps=1, width=4, decay="constant")
    return learner, table, accuracy_on(learner, table, SHAPE, episodes=2)


def trained(folder=None, steps=8):
    """Numbers that tell a state of MAML after `steps` steps on an odd number of episodes."""
    learner, table, accuracy = subject()
    plan = Lengths(steps=steps, batch=3, validate_every=4, validation_episodes=2, chunk=2)
    checkpoints = Checkpoints(folder) if folder else None
    found = meta_train(learner, SHAPE, table, accuracy, plan, seed=0, checkpoints=checkpoints)
    if checkpoints:
        checkpoints.close()
    assert len(jax.tree.leaves(found.state)[0].devices()) == 1  # whoever gets it finds one copy
    return [leaf.ravel()[0].item() for leaf in jax.tree.leaves(found.last)]


@pytest.fixture(scope="module")
def there():
    return on_two_devices("tests.compute.test_episodewise", "spread")


def test_each_device_takes_a_part(there):
    devices, squares, where, *_ = there
    assert devices == 2
    assert squares == [1, 13, 41, 85]
    assert where == [0, 0, 1, 1]


def test_parts_may_be_uneven(there):
    squares, where, slope = there[5]
    assert squares == [1, 13, 41, 85, 145]
    assert where == [0, 0, 0, 1, 1]  # the sixth, a copy, is left out
    assert slope == (2 * np.arange(10.0).reshape(5, 2)).tolist()


def test_training_is_that_of_one_device(there):
    np.testing.assert_allclose(there[3], trained(), rtol=1e-3, atol=1e-5)


def test_training_there_resumes_to_the_same_bits(there):
    assert there[3] == there[4]
