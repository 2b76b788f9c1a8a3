"""Made-up learners and classes whose training takes no time."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import EpisodeLearner, Training, train_shape
from metabench.training.lengths import Lengths
from metabench.training.meta_training import accuracy_on, meta_train
from metabench.types import ClassTable, EpisodeShape

SHAPE = EpisodeShape(way=3, shot=1, query=2, image=(4, 4, 1))
PLAN = Lengths(steps=24, batch=2, validate_every=6, validation_episodes=16, chunk=3)


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

    return EpisodeLearner(init, adapt, predict, Training(train))


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

    return EpisodeLearner(lambda key: jnp.int32(0), adapt, predict, Training(train))


def plain_table():
    """Every image shows the number of its class."""
    images = jnp.broadcast_to(
        (jnp.arange(48) // 6).astype(jnp.uint8)[:, None, None, None], (48, 4, 4, 1)
    )
    return make_table(0)._replace(images=images)


def train(learner=None, plan=PLAN, seed=0, tables=None, **options):
    """Meta-training on the first of two tables, validated on the second."""
    learner, tables = learner or linear(), tables or (make_table(0), make_table(1))
    accuracy = accuracy_on(learner, tables[1], SHAPE, plan.validation_episodes)
    shape = train_shape(learner, SHAPE)
    return meta_train(learner, shape, tables[0], accuracy, plan, seed=seed, **options)


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
