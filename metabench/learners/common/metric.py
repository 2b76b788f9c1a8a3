"""Learners that compare embeddings, meta-trained on episodes, mostly by cross-entropy.

What Matching Networks and Prototypical Networks share: one backbone embeds
supports and queries, a head turns supports into something to compare with and
queries into logits, and the whole is trained on episodes as they are tested.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.compute.episodewise import over_episodes
from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.learners.common.optimizer import descended
from metabench.learners.common.state import State
from metabench.nets.functional import Functional, functional
from metabench.nets.pixels import pixels
from metabench.nets.plugged import embedded
from metabench.types import Episode, EpisodeShape, PyTree

Adapt: TypeAlias = Callable[[State, jax.Array, jax.Array, jax.Array], "Task"]
Predict: TypeAlias = Callable[["Task", jax.Array], jax.Array]
Views: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]
Error: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]
TrainStep: TypeAlias = Callable[[State, Episode, jax.Array], tuple[State, Metrics]]


class MetricNet(nnx.Module):
    """A backbone and a head.

    The head has two methods: `summarise(support features, support_y, way=) -> summary` and
    `score(summary, query features, train=) -> logits`. It is told of training because a head that
    normalises does so by other statistics then.
    """

    def __init__(self, backbone: nnx.Module, head: nnx.Module, passes: int = 0) -> None:
        """`passes`: of a backbone that draws, in the test; see `embedded`."""
        self.backbone = backbone
        self.head = head
        self.passes = passes

    def __call__(self, method: str, *inputs: PyTree, **keywords: PyTree) -> PyTree:
        """`embed` uint8 images, or the head's `summarise` or `score`."""
        if method == "embed":
            return self._embed(*inputs, **keywords)
        return getattr(self.head, method)(*inputs, **keywords)

    def _embed(
        self, images: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        return embedded(self.backbone, pixels(images), self.passes, train=train, key=key)


class Task(NamedTuple):
    """What is kept of a support set.

    Images, if queries are embedded jointly with them; else the head's summary.
    """

    params: PyTree
    stats: PyTree
    support: PyTree
    support_y: jax.Array


def metric_learner(
    make: Callable[[nnx.Rngs], MetricNet],
    optimizer: optax.GradientTransformation,
    shape: EpisodeShape,
    *,
    joint: bool,
    apart: bool = False,
    train_shape: EpisodeShape | None = None,
    error: Error = optax.softmax_cross_entropy_with_integer_labels,
    views: Views | None = None,
) -> EpisodeLearner:
    """A learner from a network and an optimizer.

    Args:
      make: builds the network.
      optimizer: of the meta-training.
      shape: of the test episodes.
      joint: the batches of a test episode have statistics of their own (transductive): supports
        and queries are embedded as one batch, or each as one if `apart`.
      apart: embed supports and queries as two batches, in training too. Then nothing that is
        made of the supports depends on the queries.
      train_shape: of the training episodes, if it differs from the test's.
      error: of logits [queries, way] and labels [queries], for each query.
      views: `views(key, images [n, h, w, c])`: what training sees of the images of an episode.
    """
    net = functional(make)

    def init(key: jax.Array) -> State:
        params, stats = net.init(key)
        return State(params, stats, optimizer.init(params))

    adapt, predict = _jointly(net, shape) if joint and not apart else _one_by_one(net, shape)

    def embed(state: State, images: jax.Array) -> jax.Array:
        features, _ = net.apply(state.params, state.stats, "embed", images)
        return features.reshape(images.shape[0], -1)

    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=predict,
        training=Training(_training(net, optimizer, error, views, apart), train_shape, spread=True),
        transductive=joint,
        embed=embed,
    )


def _logits(
    net: Functional,
    params: PyTree,
    stats: PyTree,
    episode: Episode,
    apart: bool,
    key: jax.Array | None = None,
) -> tuple[jax.Array, PyTree]:
    """Logits [queries, way], supports and queries embedded as one batch or two; new statistics.

    `key`: of what a backbone draws in training; None in the test.
    """
    train = key is not None
    if apart:
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        support, stats = net.apply(
            params, stats, "embed", episode.support_x, train=train, key=keys[0]
        )
        query, stats = net.apply(params, stats, "embed", episode.query_x, train=train, key=keys[1])
    else:
        images = jnp.concatenate([episode.support_x, episode.query_x])
        features, stats = net.apply(params, stats, "embed", images, train=train, key=key)
        support, query = jnp.split(features, [episode.support_x.shape[0]])
    way = episode.class_ids.shape[0]
    summary, _ = net.apply(params, stats, "summarise", support, episode.support_y, way=way)
    return net.apply(params, stats, "score", summary, query, train=train)


def _seen(views: Views, episode: Episode, key: jax.Array) -> Episode:
    """The episode with views of its images, as floats from 0 to 255."""
    keys = jax.random.split(key)
    support, query = (
        views(key, images.astype(jnp.float32))
        for key, images in zip(keys, (episode.support_x, episode.query_x), strict=True)
    )
    return episode._replace(support_x=support, query_x=query)


def _training(
    net: Functional,
    optimizer: optax.GradientTransformation,
    error_of: Error,
    views: Views | None,
    apart: bool,
) -> TrainStep:
    """One step down the mean error of a batch of episodes."""

    def loss(
        params: PyTree, stats: PyTree, episodes: Episode, keys: jax.Array
    ) -> tuple[jax.Array, PyTree]:
        def one(
            params: PyTree, stats: PyTree, episode: Episode, key: jax.Array
        ) -> tuple[jax.Array, jax.Array, PyTree]:
            scores, new = _logits(net, params, stats, episode, apart, key)
            error = error_of(scores, episode.query_y)
            return error.mean(), (scores.argmax(-1) == episode.query_y).mean(), new

        found = over_episodes(one, params, stats)(episodes, keys)
        error, accuracy, new = jax.tree.map(lambda leaf: leaf.mean(0), found)
        return error, (accuracy, new)

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        if views is not None:
            keys = jax.random.split(key, episodes.support_y.shape[0])
            episodes = jax.vmap(partial(_seen, views))(episodes, keys)
        keys = jax.random.split(jax.random.fold_in(key, 1), episodes.support_y.shape[0])
        gradient = jax.value_and_grad(loss, has_aux=True)
        (error, (accuracy, stats)), grads = gradient(state.params, state.stats, episodes, keys)
        state = descended(optimizer, state, grads, stats=stats)
        return state, {"loss": error, "accuracy": accuracy}

    return train


def _one_by_one(net: Functional, shape: EpisodeShape) -> tuple[Adapt, Predict]:
    """Supports are embedded when adapting, queries when predicting, as two batches."""

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del key
        params, stats = state.params, state.stats
        features, _ = net.apply(params, stats, "embed", support_x)
        summary, _ = net.apply(params, stats, "summarise", features, support_y, way=shape.way)
        return Task(params, stats, summary, support_y)

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        features, _ = net.apply(task.params, task.stats, "embed", query_x)
        return net.apply(task.params, task.stats, "score", task.support, features)[0]

    return adapt, predict


def _jointly(net: Functional, shape: EpisodeShape) -> tuple[Adapt, Predict]:
    """Supports are kept as images and embedded together with the queries: transductive."""

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del key
        return Task(state.params, state.stats, support_x, support_y)

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        unknown = jnp.zeros(query_x.shape[0], jnp.int32)
        classes = jnp.zeros(shape.way, jnp.int32)
        episode = Episode(task.support, task.support_y, query_x, unknown, classes)
        return _logits(net, task.params, task.stats, episode, False)[0]

    return adapt, predict
