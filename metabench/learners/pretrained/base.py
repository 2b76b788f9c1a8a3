"""Learners that are trained on plain batches of labelled images, and adapt to an episode later.

What `baseline`, `baseline_pp` (Chen, Liu, Kira, Wang & Huang 2019, section 3.2) and `supcon` share.
A backbone and a head are trained together; the head classifies all training classes, or projects.
The test drops the head and leaves the embedding as it is. A query takes the class whose mean it
makes the smallest angle with, or a new layer is fitted to the supports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.contracts.options import Count, Options, Rate
from metabench.learners.common.inner_loop import inner_loop
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.neighbours import unit
from metabench.learners.common.optimizer import descended
from metabench.learners.common.state import State
from metabench.nets.functional import Functional, functional
from metabench.types import Episode, EpisodeShape, PyTree

Score: TypeAlias = Callable[[PyTree, jax.Array], jax.Array]
Objective: TypeAlias = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
Views: TypeAlias = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
MOMENTUM, WEIGHT_DECAY = 0.9, 1e-3  # of the fitting, as in the authors' code


@dataclass(frozen=True)
class Baseline(Options):
    """Options of a classifier of all training classes, and of the layer that replaces it in a test.

    Args:
      classes: how many numbers a global class id may have; a run sets it.
      finetune: fit a new layer to the supports, in place of the nearest class mean.
      fit_steps: of the fitting (100 in the paper's code), on all supports each.
      fit_rate: of its gradient descent with momentum.
    """

    classes: Count = 10_000
    finetune: bool = False
    fit_steps: Count = 100
    fit_rate: Rate = 0.01


class Fitting(NamedTuple):
    """How a new layer is fitted to the supports of an episode."""

    begin: Callable[[jax.Array], PyTree]
    """`begin(class means [way, features]) -> layer`."""
    score: Score
    """`score(layer, features) -> logits [n, way]`."""
    steps: int
    rate: float


class Task(NamedTuple):
    """What is kept of a support set."""

    params: PyTree
    stats: PyTree
    layer: PyTree


def cosines(means: jax.Array, features: jax.Array) -> jax.Array:
    """[way, features] and [n, features] to [n, way]."""
    return unit(features) @ unit(means).T


def classification(scores: jax.Array, classes: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean cross-entropy and accuracy of logits [n, all classes] for `classes` [n]."""
    error = optax.softmax_cross_entropy_with_integer_labels(scores, classes).mean()
    return error, (scores.argmax(-1) == classes).mean()


def unchanged(key: jax.Array, images: jax.Array, classes: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Images and classes as they are."""
    del key
    return images, classes


def pretrained(
    make: Callable[[nnx.Rngs], MetricNet],
    optimizer: optax.GradientTransformation,
    shape: EpisodeShape,
    *,
    train_shape: EpisodeShape | None,
    fitting: Fitting | None = None,
    objective: Objective = classification,
    views: Views = unchanged,
) -> EpisodeLearner:
    """A learner from a backbone and a head that is dropped after the training.

    Args:
      make: builds them; the head has `outputs(features)`, such as logits over global class ids.
      optimizer: of the pretraining.
      shape: of the test episodes.
      train_shape: of the training episodes, of which only images and class ids are used.
      fitting: of a new layer in an episode; None for the nearest class mean by cosine.
      objective: of the head's outputs [n, ...] and class ids [n]: the error and an accuracy.
      views: `views(key, images, class ids)`, the images of a batch to train on.
    """
    net = functional(make)
    score = cosines if fitting is None else fitting.score

    def init(key: jax.Array) -> State:
        params, stats = net.init(key)
        return State(params, stats, optimizer.init(params))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del key
        features, _ = net.apply(state.params, state.stats, "embed", support_x)
        member = jax.nn.one_hot(support_y, shape.way, axis=0)
        means = member @ features / member.sum(1, keepdims=True)
        layer = means if fitting is None else fit(fitting, means, features, support_y)
        return Task(state.params, state.stats, layer)

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        features, _ = net.apply(task.params, task.stats, "embed", query_x)
        return score(task.layer, features)

    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=predict,
        training=Training(_training(net, optimizer, objective, views), train_shape),
        embed=lambda state, images: net.apply(state.params, state.stats, "embed", images)[0],
    )


def fit(fitting: Fitting, means: jax.Array, features: jax.Array, labels: jax.Array) -> PyTree:
    """The layer after all steps, each on all supports [supports, features]."""

    def loss(layer: PyTree, number: jax.Array) -> jax.Array:
        del number
        scores = fitting.score(layer, features)
        return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

    descent = optax.chain(
        optax.add_decayed_weights(WEIGHT_DECAY), optax.sgd(fitting.rate, MOMENTUM)
    )
    return inner_loop(loss, fitting.begin(means), descent, jnp.arange(fitting.steps)).params


def labelled(episodes: Episode) -> tuple[jax.Array, jax.Array]:
    """All images of a batch of episodes, and their global class ids: [n, h, w, c] and [n]."""
    images = jnp.concatenate([episodes.support_x, episodes.query_x], axis=1)
    names = jnp.concatenate([episodes.support_y, episodes.query_y], axis=1)
    classes = jnp.take_along_axis(episodes.class_ids, names, axis=1)
    return images.reshape(-1, *images.shape[2:]), classes.reshape(-1)


def _training(
    net: Functional,
    optimizer: optax.GradientTransformation,
    objective: Objective,
    views: Views,
) -> Callable[[State, Episode, jax.Array], tuple[State, Metrics]]:
    """One step down the objective."""

    def loss(
        params: PyTree, stats: PyTree, images: jax.Array, classes: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, PyTree]]:
        features, stats = net.apply(params, stats, "embed", images, train=True)
        error, accuracy = objective(net.apply(params, stats, "outputs", features)[0], classes)
        return error, (accuracy, stats)

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        gradient = jax.value_and_grad(loss, has_aux=True)
        seen = views(key, *labelled(episodes))
        (error, (accuracy, stats)), grads = gradient(state.params, state.stats, *seen)
        state = descended(optimizer, state, grads, stats=stats)
        return state, {"loss": error, "accuracy": accuracy}

    return train
