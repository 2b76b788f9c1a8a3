"""Learners that are trained on plain batches of labelled images, and adapt to an episode later.

What `baseline` and `baseline_pp` share (Chen, Liu, Kira, Wang & Huang 2019, section 3.2), and
`supcon` with them: a backbone and a head, which classifies all training classes or projects, are
trained together. The head is then dropped; in an episode the embedding stays as it is, and a query
takes the class whose mean it makes the smallest angle with, or a new layer is fitted to the
supports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.contracts.learner import Learner, Metrics
from metabench.errors import UserError
from metabench.learners.common.inner_loop import inner_loop
from metabench.learners.common.metric import MetricNet, State
from metabench.learners.common.neighbours import unit
from metabench.nets.functional import Functional, functional
from metabench.types import Episode, EpisodeShape, PyTree

Score: TypeAlias = Callable[[PyTree, jax.Array], jax.Array]
Objective: TypeAlias = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
Views: TypeAlias = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
MOMENTUM, WEIGHT_DECAY = 0.9, 1e-3  # of the fitting, as in the authors' code


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
) -> Learner:
    """A learner from a backbone and a head that is dropped after the training.

    Args:
      make: builds them; the head has `outputs(features)`, such as logits over global class ids.
      optimizer: of the pretraining.
      shape: of the test episodes.
      train_shape: of the training episodes, of which only images and class ids are used.
      fitting: of a new layer in an episode; None for the nearest class mean by cosine.
      objective: of the head's outputs [n, ...] and class ids [n]: the error and an accuracy.
      views: `views(key, images, class ids)`, what of a batch is trained on.
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

    return Learner(
        init=init,
        adapt=adapt,
        predict=predict,
        train=_training(net, optimizer, objective, views),
        parameters=lambda state: state.params,
        train_shape=train_shape,
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


def check_fitting(classes: int, steps: int, rate: float) -> None:
    """Raise `UserError` where nothing would be learned."""
    for name, value in {"classes": classes, "fit_steps": steps}.items():
        if value < 1:
            raise UserError(f"`{name}` is {value}; it must be at least 1")
    if not rate > 0:
        raise UserError(f"`fit_rate` is {rate}; it must be positive")


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
        updates, moments = optimizer.update(grads, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        return State(params, stats, moments), {"loss": error, "accuracy": accuracy}

    return train
