"""A made-up learner that is quick, and its runs: nearest class means on weighted pixels.

Training moves the weights at random.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.contracts.learner import EpisodeLearner, Training
from metabench.tracks.fewshot.run import execute
from metabench.training.watcher import Watcher
from metabench.types import Protocol

PROTOCOL = Protocol("made-up", "only", way=3, shot=1, query=2, episodes=10, image_size=4)
TRAIN = {"steps": 4, "validate_every": 2, "validation_episodes": 4}
COST = {
    "train_seconds",
    "train_episodes_per_second",
    "test_episodes_per_second",
    "adaptation_ms",
    "peak_memory_mb",
}


class State(NamedTuple):
    weight: jax.Array  # [16]
    steps: jax.Array  # []


def counting(
    shape,
    *,
    steps: int = 9,
    noise: float = 1.0,
    fail_at: int = 1000,
    mean: bool = True,
    scale: float = 1.0,
):
    """A learner that is mostly right, and how far depends on its seed and every step."""
    del steps, noise

    def init(key):
        return State(jax.random.normal(key, (16,)), jnp.int32(0))

    def flat(images):
        return images.reshape(images.shape[0], -1).astype(jnp.float32) / 255

    def adapt(state, support_x, support_y, key):
        member = jax.nn.one_hot(support_y, shape.way, axis=0)
        means = member @ flat(support_x) / member.sum(1, keepdims=True)
        return means * state.weight[None], state.weight

    def predict(task, query_x):
        means, weight = task
        return -jnp.square((flat(query_x) * weight[None])[:, None] - means[None]).sum(-1)

    def train(state, episodes, key):
        loss = jnp.where(state.steps + 1 >= fail_at, jnp.nan, scale / (state.steps + 1))
        metrics = {"loss": loss, "accuracy": jnp.float32(0.5)}
        return State(state.weight + jax.random.normal(key, (16,)), state.steps + 1), metrics

    return EpisodeLearner(init, adapt, predict, Training(train), transductive=not mean)


def untrained(shape, *, mean: bool = True):
    return counting(shape, mean=mean)._replace(training=None)


def speechless(shape, *, after: int = 0):
    """Answers no numbers to the queries whose first pixel is `after` or more."""
    usual = untrained(shape)

    def predict(task, query_x):
        found = usual.predict(task, query_x)
        return jnp.where(query_x[:, 0, 0].astype(jnp.int32) >= after, jnp.nan, found)

    return usual._replace(predict=predict)


def stubborn(shape):
    """Answers always the same."""

    def predict(task, query_x):
        return jnp.zeros((query_x.shape[0], shape.way)).at[:, 1].set(1.0)

    return untrained(shape)._replace(predict=predict)


class Point(NamedTuple):
    """An entry point of nobody's."""

    factory: object
    dist: None = None

    def load(self):
        return self.factory


def run(plan, resume=False, together=False, **watchers):
    told = Watcher(**watchers)
    return execute(plan, resume=resume, command="a command", watcher=told, together=together)


def measured(result):
    return [
        (r.seed, r.accuracy, r.correct, r.validation_accuracy, r.best_step) for r in result.runs
    ]
