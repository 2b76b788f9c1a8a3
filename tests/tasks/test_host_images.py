"""Images that stay on the host: the same tasks, trainings and counts as with images on a device."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.compute import residence
from metabench.compute.devices import in_use
from metabench.compute.residence import on_host, residing
from metabench.errors import UserError
from metabench.scoring.episodes import evaluate
from metabench.seeds import root_key
from metabench.tasks.class_table import class_table
from metabench.tasks.episodes import episode_digest
from metabench.tasks.host_images import HostImages, fed, numbers_of, resident, stays
from metabench.tasks.kinds import sample_tasks, task_digest
from metabench.training.meta_training import accuracy_on, meta_train
from metabench.types import ClassTable, Dataset, EpisodeShape, ImagesShape, Split, StreamShape
from tests.training import two_hosts
from tests.two_devices import on_two_devices

SHAPE = EpisodeShape(way=3, shot=1, query=2, image=(4, 4, 1))


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Classes b, c and e of five with rotations, on a device, and in a memory map."""
    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), np.uint8))
    names = tuple("abcde")
    split = Split("mine", {"train": ("b", "c", "e")}, 4, "")
    dataset = Dataset(
        name="mine",
        images=np.load(path, mmap_mode="r"),
        labels=np.repeat(np.arange(5, dtype=np.int32), 8),
        class_names=names,
        splits={"mine": split},
        default_split="mine",
        digest="",
        source="",
    )
    found = []
    for place in ("device", "host"):
        with residing(place):
            found.append(class_table(dataset, split, "train"))
    return found


def test_every_image_of_every_rotation(tables):
    there, mapped = tables
    assert (stays(there), stays(mapped), stays(None)) == (False, True, False)
    assert mapped.images.shape == there.images.shape == (4 * 24, 4, 4, 1)
    np.testing.assert_array_equal(resident(mapped.images), there.images)
    assert resident(there.images) is there.images


@pytest.mark.parametrize(
    "shape",
    [SHAPE, StreamShape(way=3, presentations=2, image=(4, 4, 1)), ImagesShape(5, (4, 4, 1))],
)
def test_tasks_are_the_same(tables, shape):
    draw = jax.jit(sample_tasks, static_argnames="shape")
    there, mapped = (draw(root_key(3), jnp.arange(4), table, shape=shape) for table in tables)
    jax.tree.map(np.testing.assert_array_equal, there, mapped)


def test_their_digest_is_the_same(tables):
    assert len({episode_digest(3, table, SHAPE, 5) for table in tables}) == 1
    streams = StreamShape(way=3, presentations=2, image=(4, 4, 1))
    assert len({task_digest(3, table, streams, 3) for table in tables}) == 1


def test_the_next_step_is_read_while_one_is_computed(tables):
    mapped, order = tables[1], []

    def draw(number):
        order.append(f"draw {number}")
        return sample_tasks(root_key(0), number + jnp.arange(1), numbers_of(mapped), SHAPE)

    for step, tasks in enumerate(fed(mapped, draw, range(3), lambda tasks: tasks)):
        order.append(f"step {step}")
        assert tasks.support_x.shape == (1, 3, 4, 4, 1)
        assert tasks.support_x.dtype == np.uint8
    assert order == ["draw 0", "draw 1", "step 0", "draw 2", "step 1", "step 2"]
    assert list(fed(mapped, draw, (), lambda tasks: tasks)) == []


def settled(learner):
    """The same, which counts the batches that it was settled on."""

    def settle(state, tasks, key, number):
        return {**state, "step": state["step"] + number * tasks.support_x.shape[0]}

    return learner._replace(training=learner.training._replace(settle=settle))


def test_a_training_and_its_test_are_the_same(tables):
    learner, found = settled(two_hosts.linear(0.0)), []
    for table in tables:
        validate = accuracy_on(learner, table, SHAPE, 5)
        trained = meta_train(learner, SHAPE, table, validate, two_hosts.PLAN, seed=0)
        counts = evaluate(learner, trained.last, table, SHAPE, seed=3, episodes=11)
        found.append((trained, counts))
    (there, expected), (mapped, counts) = found
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_allclose(mapped.last["params"], there.last["params"], rtol=1e-5)
    assert mapped.last["step"] == there.last["step"]
    assert mapped.flops == there.flops
    assert [one.validation for one in mapped.history] == [one.validation for one in there.history]
    losses = [[one.loss for one in trained.history] for trained in (mapped, there)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def count():
    """What the other process of the next test does: what is read there, on as many devices."""
    images = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 1), np.uint8)
    table = ClassTable(
        jnp.asarray(images),
        jnp.arange(24, dtype=jnp.int32).reshape(3, 8),
        jnp.full(3, 8),
        jnp.arange(3),
    )
    mapped = table._replace(images=HostImages(images, np.arange(24)))
    learner, found = two_hosts.linear(0.0), []
    for one in (table, mapped):
        trained = meta_train(
            learner, SHAPE, one, accuracy_on(learner, one, SHAPE, 5), two_hosts.PLAN, seed=0
        )
        counts = evaluate(learner, trained.state, one, SHAPE, seed=3, episodes=11)
        found.append([counts.tolist(), np.asarray(trained.last["params"]).tolist()])
    print(json.dumps([len(in_use()), *found]))


@pytest.mark.slow
def test_on_two_devices_too():
    devices, there, mapped = on_two_devices("tests.tasks.test_host_images", "count")
    assert devices == 2
    assert mapped[0] == there[0]
    np.testing.assert_allclose(mapped[1], there[1], rtol=1e-5)


def test_what_is_large_stays_on_the_host_by_itself(monkeypatch):
    monkeypatch.setattr(residence, "free_on", lambda devices: 1000)
    assert [on_host(size) for size in (400, 600)] == [False, True]
    with residing("device"):
        assert not on_host(600)
    with residing("host"), residing(None):
        assert on_host(400)
    monkeypatch.setattr(residence, "free_on", lambda devices: None)
    assert not on_host(10**18)
    with pytest.raises(UserError, match="`data` is 'disk'; it must be one of"), residing("disk"):
        pass
