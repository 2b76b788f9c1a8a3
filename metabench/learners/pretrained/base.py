"""Learners that are trained on plain batches of labelled images, and adapt to an episode later.

What `baseline`, `baseline_pp` (Chen, Liu, Kira, Wang & Huang 2019, section 3.2) and `supcon` share.
A backbone and a head are trained together; the head classifies all training classes, or projects.
The test drops the head and leaves the embedding as it is. A new layer is fitted to the supports
(`fitting.py`), or a query takes the class whose mean it makes the smallest angle with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.neighbours import unit
from metabench.learners.common.optimizer import descended
from metabench.learners.common.state import State
from metabench.learners.pretrained.fitting import Fitting, Layer, fitted
from metabench.nets.functional import Functional, functional
from metabench.types import Episode, EpisodeShape, PyTree

Objective: TypeAlias = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
Views: TypeAlias = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


class Task(NamedTuple):
    """What is kept of a support set."""

    params: PyTree
    stats: PyTree
    layer: PyTree


def cosines(means: jax.Array, features: jax.Array) -> jax.Array:
    """[way, features] and [n, features] to [n, way]."""
    return unit(features) @ unit(means).T


def means_of(features: jax.Array, labels: jax.Array, way: int) -> jax.Array:
    """The mean of each class: [n, features] and [n] to [way, features]."""
    member = jax.nn.one_hot(labels, way, axis=0)
    return member @ features / member.sum(1, keepdims=True)


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
    layer: Layer | None = None,
    fitting: Fitting = Fitting(),
    objective: Objective = classification,
    views: Views = unchanged,
) -> EpisodeLearner:
    """A learner from a backbone and a head that is dropped after the training.

    Args:
      make: builds them; the head has `outputs(features)`, such as logits of all training classes.
      optimizer: of the pretraining.
      shape: of the test episodes.
      train_shape: of the training episodes, of which only images and class ids are used.
      layer: that is fitted to the supports; None for the nearest class mean by cosine.
      fitting: how it is fitted.
      objective: of the head's outputs [n, ...] and class ids [n]: the error and an accuracy.
      views: `views(key, images, class ids)`, the images of a batch to train on.
    """
    net = functional(make)
    if fitting.fit == "nearest_means":
        layer = None
    score = cosines if layer is None else layer.score

    def init(key: jax.Array) -> State:
        params, stats = net.init(key)
        return State(params, stats, optimizer.init(params))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        features, _ = net.apply(state.params, state.stats, "embed", support_x)
        if layer is None:
            return Task(state.params, state.stats, means_of(features, support_y, shape.way))
        found = fitted(layer, fitting, features, support_y, shape.way, key)
        return Task(state.params, state.stats, found)

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


def labelled(episodes: Episode) -> tuple[jax.Array, jax.Array]:
    """All images of a batch of episodes, and their class ids: [n, h, w, c] and [n]."""
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
        params: PyTree, stats: PyTree, images: jax.Array, classes: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, PyTree]]:
        features, stats = net.apply(params, stats, "embed", images, train=True, key=key)
        error, accuracy = objective(net.apply(params, stats, "outputs", features)[0], classes)
        return error, (accuracy, stats)

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        gradient = jax.value_and_grad(loss, has_aux=True)
        seen = views(key, *labelled(episodes))
        own = jax.random.fold_in(key, 1)  # of what the backbone draws
        (error, (accuracy, stats)), grads = gradient(state.params, state.stats, *seen, own)
        state = descended(optimizer, state, grads, stats=stats)
        return state, {"loss": error, "accuracy": accuracy}

    return train
