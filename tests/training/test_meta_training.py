"""The training loop: the same bits however it is cut up, and the best state kept."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.seeds import VALIDATION_SEED
from metabench.training.checkpoints import Checkpoints
from metabench.training.lengths import TrainPlan
from metabench.training.meta_training import initial_state, meta_train
from metabench.types import ClassTable, EpisodeShape
from tests.places import ROOT

SHAPE = EpisodeShape(way=3, shot=1, query=2, image=(4, 4, 1))
PLAN = TrainPlan(steps=24, batch=2, validate_every=6, validation_episodes=16, chunk=3)


def make_table(seed):
    """Eight classes of noisy pictures."""
    draw = np.random.default_rng(seed)
    centres = draw.uniform(40, 200, (8, 1, 4, 4, 1))
    images = (centres + draw.normal(0, 30, (8, 6, 4, 4, 1))).clip(0, 255).astype(np.uint8)
    members = jnp.arange(48, dtype=jnp.int32).reshape(8, 6)
    return ClassTable(
        jnp.asarray(images.reshape(48, 4, 4, 1)), members, jnp.full(8, 6), jnp.arange(8)
    )


def linear(shape=SHAPE, *, blow_up_at=-1, pause=0.0):
    """Prototypes over one linear layer with momentum, whose training also draws noise."""

    def features(weights, images):
        return (images.reshape(images.shape[0], -1) / 255.0) @ weights

    def init(key):
        weights = jax.random.normal(key, (16, 5))
        return {"weights": weights, "speed": jnp.zeros((16, 5)), "step": jnp.int32(0)}

    def adapt(state, x, y, key):
        prototypes = jnp.zeros((shape.way, 5)).at[y].add(features(state["weights"], x))
        return state["weights"], prototypes / shape.shot

    def predict(task, x):
        weights, prototypes = task
        return -jnp.square(features(weights, x)[:, None] - prototypes[None]).sum(-1)

    def loss(weights, episode):
        task = adapt({"weights": weights}, episode.support_x, episode.support_y, None)
        scores = jax.nn.log_softmax(predict(task, episode.query_x))
        return -jnp.take_along_axis(scores, episode.query_y[:, None], axis=1).mean()

    def train(state, episodes, key):
        if pause:
            jax.debug.callback(lambda: time.sleep(pause), ordered=True)

        def mean(weights):
            return jax.vmap(lambda e: loss(weights, e))(episodes).mean()

        value, gradient = jax.value_and_grad(mean)(state["weights"])
        noise = 0.1 * jax.random.normal(key, gradient.shape)
        speed = 0.9 * state["speed"] + gradient + noise
        step = state["step"] + 1
        value = jnp.where(step == blow_up_at, jnp.inf, value)
        weights = state["weights"] - 0.05 * speed
        return {"weights": weights, "speed": speed, "step": step}, {"loss": value}

    return Learner(init=init, adapt=adapt, predict=predict, train=train)


def counter(best_at=-1):
    """A learner that learns nothing and is right after exactly `best_at` steps of training."""

    def predict(task, x):
        state, labels = task
        image = x[:, 0, 0, 0].astype(jnp.int32)
        right = (image[:, None] == labels[None]).astype(jnp.float32)
        return jnp.where(state == best_at, right, jnp.roll(right, 1, axis=1))

    def adapt(state, x, y, key):
        return state, jnp.zeros(3, jnp.int32).at[y].set(x[:, 0, 0, 0].astype(jnp.int32))

    def train(state, episodes, key):
        return state + 1, {"loss": state.astype(jnp.float32), "accuracy": jnp.float32(0.5)}

    return Learner(init=lambda key: jnp.int32(0), adapt=adapt, predict=predict, train=train)


def plain_table():
    """Every image shows the number of its class."""
    images = jnp.broadcast_to(
        (jnp.arange(48) // 6).astype(jnp.uint8)[:, None, None, None], (48, 4, 4, 1)
    )
    return make_table(0)._replace(images=images)


def train(learner=None, plan=PLAN, seed=0, **options):
    learner = learner or linear()
    return meta_train(learner, make_table(0), make_table(1), SHAPE, plan, seed=seed, **options)


def assert_same(found, expected):
    """Bit for bit, but for the time it took."""
    for one, other in ((found.state, expected.state), (found.last, expected.last)):
        jax.tree.map(np.testing.assert_array_equal, one, other)
    assert found.best_step == expected.best_step
    assert [p._replace(seconds=0) for p in map(tidy, found.history)] == [
        p._replace(seconds=0) for p in map(tidy, expected.history)
    ]


def tidy(point):
    """Without the accuracy that the learner does not report, which is not a number."""
    return point._replace(train_accuracy=0)


@pytest.fixture(scope="module")
def uninterrupted():
    return train()


def test_a_run_is_reproducible_and_depends_on_its_seed(uninterrupted):
    assert_same(train(), uninterrupted)
    other = train(seed=1).last["weights"]
    assert not np.array_equal(other, uninterrupted.last["weights"])


def test_history_has_a_row_for_each_validation(uninterrupted):
    assert [point.step for point in uninterrupted.history] == [6, 12, 18, 24]
    assert int(uninterrupted.last["step"]) == 24
    seconds = [point.seconds for point in uninterrupted.history]
    assert sorted(seconds) == seconds
    assert uninterrupted.seconds == seconds[-1] > 0


@pytest.mark.parametrize("chunk", [1, 100])
def test_the_length_of_chunks_changes_nothing(chunk, uninterrupted):
    found = train(plan=replace(PLAN, chunk=chunk))
    jax.tree.map(np.testing.assert_array_equal, found.last, uninterrupted.last)
    jax.tree.map(np.testing.assert_array_equal, found.state, uninterrupted.state)
    losses = [[p.loss for p in run.history] for run in (found, uninterrupted)]
    np.testing.assert_allclose(*losses, rtol=1e-5)  # means of means


def test_the_last_leg_may_be_shorter():
    found = train(plan=replace(PLAN, steps=8))
    assert [point.step for point in found.history] == [6, 8]
    assert int(found.last["step"]) == 8


@pytest.mark.parametrize("after", [6, 18])
def test_a_continued_run_is_the_uninterrupted_one(after, uninterrupted, tmp_path):
    first = Checkpoints(tmp_path)
    train(plan=replace(PLAN, steps=after), checkpoints=first)
    first.close()
    second = Checkpoints(tmp_path)
    assert_same(train(checkpoints=second), uninterrupted)
    assert second.newest(initial_state(linear(), 0)).step == 24
    second.close()


def test_a_finished_run_is_only_read(uninterrupted, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    train(checkpoints=checkpoints)
    steps = []
    assert_same(train(checkpoints=checkpoints, progress=steps.append), uninterrupted)
    assert steps == []
    checkpoints.close()


def train_slowly(folder):
    """What the process that gets killed does."""
    train(linear(pause=0.02), checkpoints=Checkpoints(Path(folder)))


@pytest.mark.slow
def test_a_killed_run_continues_to_the_same_bits(tmp_path, uninterrupted):
    code = "import sys; from tests.test_train import train_slowly; train_slowly(sys.argv[1])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "6").is_dir() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    checkpoints = Checkpoints(tmp_path)
    assert 6 <= checkpoints.newest(initial_state(linear(), 0)).step < 24
    assert_same(train(checkpoints=checkpoints), uninterrupted)
    checkpoints.close()


@pytest.mark.parametrize("best_at", [6, 12, 24])
def test_the_state_that_validates_best_is_kept(best_at):
    table = plain_table()
    found = meta_train(counter(best_at), table, table, SHAPE, PLAN, seed=0)
    assert found.best_step == int(found.state) == best_at
    assert found.best_validation == 1.0
    assert int(found.last) == 24
    assert [p.validation for p in found.history] == [
        float(step == best_at) for step in (6, 12, 18, 24)
    ]


def test_of_equally_good_states_the_first_is_kept():
    table = plain_table()
    found = meta_train(counter(), table, table, SHAPE, PLAN, seed=0)
    assert found.best_step == int(found.state) == 6


def test_history_holds_mean_losses_and_accuracies():
    table = plain_table()
    found = meta_train(counter(), table, table, SHAPE, replace(PLAN, steps=10), seed=0)
    assert [p.loss for p in found.history] == [2.5, 7.5]  # means of 0 … 5 and of 6 … 9
    assert [p.train_accuracy for p in found.history] == [0.5, 0.5]


def test_training_meets_the_training_classes_and_validation_the_others():
    """A learner that fails on any image of the other table."""

    def picky(low, high):
        def train(state, episodes, key):
            images = jnp.concatenate([episodes.support_x.ravel(), episodes.query_x.ravel()])
            strange = (images < low) | (images > high)
            return state, {"loss": strange.sum().astype(jnp.float32)}

        def predict(task, x):
            return jnp.where((x[:, 0, 0, :] > high), jnp.ones((1, 3)), jnp.nan)

        return Learner(
            init=lambda key: jnp.int32(0), adapt=lambda s, x, y, k: s, predict=predict, train=train
        )

    dark, bright = (jnp.full((48, 4, 4, 1), value, jnp.uint8) for value in (10, 90))
    table = make_table(0)
    found = meta_train(
        picky(10, 10),
        table._replace(images=dark),
        table._replace(images=bright),
        SHAPE,
        PLAN,
        seed=0,
    )
    assert all(point.loss == 0 for point in found.history)


def test_validation_is_the_same_for_every_seed(monkeypatch):
    seeds = []

    def recording(*inputs, seed, **options):
        seeds.append(seed)
        return np.zeros(1)

    monkeypatch.setattr("metabench.training.meta_training.evaluate", recording)
    for seed in (0, 5):
        train(plan=replace(PLAN, steps=6), seed=seed)
    assert seeds == [VALIDATION_SEED] * 2


def test_train_shape_is_that_of_the_training_episodes():
    seen = set()

    def spying(learner):
        def train(state, episodes, key):
            seen.add((episodes.support_x.shape[:2], episodes.query_x.shape[:2]))
            return learner.train(state, episodes, key)

        return learner._replace(train=train, train_shape=replace(SHAPE, way=3, shot=2, query=3))

    train(spying(linear()), plan=replace(PLAN, steps=4))
    assert seen == {((2, 6), (2, 9))}


def test_a_loss_that_is_not_finite_stops_the_run():
    with pytest.raises(UserError, match=r"the loss became inf by step 12; lower `learning_rate`"):
        train(linear(blow_up_at=10))


def test_progress_is_reported_after_each_chunk():
    seen = []
    train(plan=replace(PLAN, steps=12), progress=seen.append)
    assert [report.step for report in seen] == [3, 6, 9, 12]
    assert seen[0].validation is None
    assert seen[2].validation is not None
    assert seen[-1].seconds_left == 0
    assert all(report.steps == 12 and report.episodes_per_second > 0 for report in seen)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3"])
@pytest.mark.parametrize(
    "name", ["steps", "batch", "validate_every", "validation_episodes", "chunk"]
)
def test_plans_that_make_no_sense(name, value):
    with pytest.raises(UserError, match=f"`{name}` is {value!r}; it must be a whole number"):
        TrainPlan(**{name: value})
