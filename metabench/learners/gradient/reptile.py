"""Reptile (Nichol, Achiam & Schulman 2018).

Adapt to a task by a few steps of Adam, then move the initial weights a part of the way to where
that led (algorithm 1); no gradient passes through the steps. Adam has no first moment, and its
second one is kept from task to task, as in the authors' code; over a batch of tasks, which that
code meets one after another, it is averaged here.

The queries of a test episode are normalised by their own batch statistics, which is transductive
(`norm="batch"`), or by those of the supports (`norm="support"`), where the paper's inductive
figures put each query into one batch with the supports.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.compute.episodewise import over_episodes
from metabench.contracts.learner import TEST_ONLY, Learner, Metrics
from metabench.errors import UserError
from metabench.learners.common.inner_loop import Adapted, check_inner, inner_loop
from metabench.learners.common.training_shape import training_shape
from metabench.learners.gradient.outer_loop import both_nets
from metabench.nets.classifier import Norm
from metabench.types import Episode, EpisodeShape, PyTree


class State(NamedTuple):
    """What Reptile carries through meta-training."""

    params: PyTree
    stats: PyTree
    moments: PyTree  # of the inner loop's Adam
    step: jax.Array  # int32 []


class Task(NamedTuple):
    """A classifier of the episode's classes."""

    params: PyTree
    stats: PyTree


def reptile(
    shape: EpisodeShape,
    *,
    inner_steps: int = 5,
    test_steps: int = 50,
    inner_rate: float = 1e-3,
    inner_batch: int = 10,
    outer_rate: float = 1.0,
    norm: Norm = "batch",
    test_norm: Annotated[Norm | None, TEST_ONLY] = None,
    width: int = 32,
    train_images: int = 10,
    steps: int = 10_000,
) -> Learner:
    """Reptile on four blocks of 32 channels and a linear layer.

    Args:
      shape: of the test episodes.
      inner_steps: steps of Adam on a task in meta-training.
      test_steps: the same on the supports in validation and test.
      inner_rate: of Adam.
      inner_batch: images in an inner step of meta-training; in the test, all supports up to
        this number.
      outer_rate: which part of the way is gone; it falls linearly to zero over `steps`.
      norm: statistics that normalise; `batch` is transductive.
      test_norm: the same in the test of a training with `norm`, as of `maml`.
      width: channels of each block.
      train_images: labelled images of each class in a training task.
      steps: length of meta-training.

    Reference: https://arxiv.org/abs/1803.02999
    """
    check_inner(inner_steps, inner_rate)
    check_inner(test_steps, inner_rate, "test_steps")
    _check(inner_batch, outer_rate, train_images)
    net, tested = both_nets(shape, width, norm, test_norm)
    optimizer = optax.adam(inner_rate, b1=0.0)

    def walk(
        state: State, images: jax.Array, labels: jax.Array, key: jax.Array, number: int
    ) -> Adapted:
        """`number` inner steps on minibatches of a task's images."""

        def loss(params: PyTree, chosen: jax.Array) -> jax.Array:
            scores, _ = net.apply(params, state.stats, images[chosen], train=True)
            return optax.softmax_cross_entropy_with_integer_labels(scores, labels[chosen]).mean()

        batches = minibatches(key, labels.shape[0], inner_batch, number)
        return inner_loop(loss, state.params, optimizer, batches, state=state.moments)

    def init(key: jax.Array) -> State:
        params, stats = net.init(key)
        return State(params, stats, optimizer.init(params), jnp.zeros((), jnp.int32))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        params = walk(state, support_x, support_y, key, test_steps).params
        stats = tested.init(key)[1]
        return Task(params, tested.apply(params, stats, support_x, train=True)[1])

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        def one(state: State, episode: Episode, key: jax.Array) -> Adapted:
            # Reptile has no use for a query: all images of a task are learned from.
            images = jnp.concatenate([episode.support_x, episode.query_x])
            labels = jnp.concatenate([episode.support_y, episode.query_y])
            return walk(state, images, labels, key, inner_steps)

        keys = jax.random.split(key, episodes.support_y.shape[0])
        found = over_episodes(one, state)(episodes, keys)
        part = outer_rate * jnp.maximum(1 - state.step / steps, 0.0)
        return _moved(state, found, part), {"loss": found.losses.mean()}

    return Learner(
        init=init,
        adapt=adapt,
        predict=lambda task, query_x: tested.apply(task.params, task.stats, query_x)[0],
        train=train,
        parameters=lambda state: state.params,
        train_shape=training_shape(shape, None, train_images - 1, 1),
        batch=5,
        apart=True,
        transductive=(test_norm or norm) == "batch",
    )


def _check(inner_batch: int, outer_rate: float, train_images: int) -> None:
    if inner_batch < 1:
        raise UserError(f"`inner_batch` is {inner_batch}; it must be at least 1")
    if not 0 < outer_rate <= 1:
        raise UserError(f"`outer_rate` is {outer_rate}; it must be above 0 and at most 1")
    if train_images < 2:
        raise UserError(f"`train_images` is {train_images}; it must be at least 2")


def minibatches(key: jax.Array, images: int, batch: int, number: int) -> jax.Array:
    """Indices [number, at most batch]: a random order of all images, then another, and so on."""
    batch = min(batch, images)
    rounds = -(-number * batch // images)
    orders = jax.vmap(lambda k: jax.random.permutation(k, images))(jax.random.split(key, rounds))
    return orders.reshape(-1)[: number * batch].reshape(number, batch)


def _moved(state: State, found: Adapted, part: jax.Array) -> State:
    """The state after `part` of the way to where a batch of tasks led."""
    params = jax.tree.map(partial(_towards, part), state.params, found.params)
    return State(params, state.stats, jax.tree.map(_mean, found.optimizer), state.step + 1)


def _towards(part: jax.Array, here: jax.Array, there: jax.Array) -> jax.Array:
    """`here` after `part` of the way to the mean of `there` [tasks, ...]."""
    return here + part * (there.mean(0) - here)


def _mean(leaf: jax.Array) -> jax.Array:
    """Over tasks; of a counter, which is the same for all, the first."""
    return leaf.mean(0) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf[0]
