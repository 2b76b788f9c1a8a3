"""Reptile (Nichol, Achiam & Schulman 2018).

It adapts to a task by a few steps of Adam, then moves the initial weights a part of the way to
where that led (algorithm 1); no gradient passes through the steps. Adam has no first moment. Its
second moment is kept from task to task, as in the authors' code, which meets the tasks of a batch
one after another; here their second moments are averaged.

The queries of a test episode are normalised by their own batch statistics, which is transductive
(`norm="batch"`), or by those of the supports (`norm="support"`). The paper's inductive figures put
each query into one batch with the supports instead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.compute.episodewise import over_episodes
from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.contracts.options import POSITIVE, AtLeast, Count, FromTo, with_options
from metabench.learners.common.inner_loop import Adapted, InnerLoop, inner_loop
from metabench.learners.common.state import Task
from metabench.learners.common.training_shape import SameWayEpisodes, training_shape
from metabench.learners.common.whole_network import Supports
from metabench.learners.gradient.outer_loop import Network
from metabench.nets.functional import Functional
from metabench.types import Episode, EpisodeShape, PyTree


class State(NamedTuple):
    """The state of Reptile in meta-training."""

    params: PyTree
    stats: PyTree
    moments: PyTree  # of the inner loop's Adam
    step: jax.Array  # int32 []


class Walk(NamedTuple):
    """The inner loop: steps on minibatches of a task's images."""

    net: Functional
    optimizer: optax.GradientTransformation
    batch: int

    def __call__(
        self,
        state: State,
        images: jax.Array,
        labels: jax.Array,
        key: jax.Array,
        steps: int,
        drawn: jax.Array | None = None,
    ) -> Adapted:
        """`steps` from the weights and moments of `state` on; `drawn`: the key of the network."""

        def loss(params: PyTree, step: tuple[jax.Array, jax.Array]) -> jax.Array:
            chosen, number = step
            own = None if drawn is None else jax.random.fold_in(drawn, number)
            scores, _ = self.net.apply(params, state.stats, images[chosen], train=True, key=own)
            return optax.softmax_cross_entropy_with_integer_labels(scores, labels[chosen]).mean()

        batches = minibatches(key, labels.shape[0], self.batch, steps)
        numbered = batches, jnp.arange(steps)
        return inner_loop(loss, state.params, self.optimizer, numbered, state=state.moments)


@with_options
def reptile(
    shape: EpisodeShape,
    *,
    loop: InnerLoop = InnerLoop(inner_rate=1e-3),
    test_steps: Count = 50,
    inner_batch: Count = 10,
    test_batch: Count | None = None,
    outer_rate: Annotated[float, POSITIVE, FromTo(0, 1)] = 1.0,
    network: Network = Network(),
    train_images: Annotated[int, AtLeast(2)] = 10,
    steps: Count = 10_000,
) -> EpisodeLearner:
    """Reptile on four blocks of 32 channels and a linear layer.

    Args:
      shape: of the test episodes.
      loop: steps of Adam on a task in meta-training.
      test_steps: of Adam on the supports in validation and test.
      inner_batch: images in an inner step of meta-training.
      test_batch: supports in an inner step of validation and test, all if there are fewer; None
        for `inner_batch`.
      outer_rate: the part of the way that is gone; it falls linearly to zero over `steps`.
      network: the classifier that is adapted.
      train_images: labelled images of each class in a training task.
      steps: length of meta-training.

    Reference: https://arxiv.org/abs/1803.02999
    """
    net, tested, transductive = network.nets(shape)
    optimizer = optax.adam(loop.inner_rate, b1=0.0)
    walk = Walk(net, optimizer, inner_batch)

    def init(key: jax.Array) -> State:
        params, stats = net.init(key)
        return State(params, stats, optimizer.init(params), jnp.zeros((), jnp.int32))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        taken = walk._replace(batch=test_batch or inner_batch)
        weights = taken(state, support_x, support_y, key, test_steps).params
        return Supports(tested, tested.init(key)[1], support_x, support_y).task(weights)

    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=lambda task, query_x: tested.apply(task.weights, task.stats, query_x)[0],
        training=Training(
            _training(walk, loop.inner_steps, outer_rate, steps),
            training_shape(shape, SameWayEpisodes(train_images - 1, 1)),
            batch=5,
            spread=True,
        ),
        transductive=transductive,
    )


def _training(
    walk: Walk, inner_steps: int, rate: float, steps: int
) -> Callable[[State, Episode, jax.Array], tuple[State, Metrics]]:
    """One step of the outer loop: a part of the way to where the tasks of a batch led."""

    def one(state: State, episode: Episode, key: jax.Array) -> Adapted:
        # Reptile needs no queries: it learns from all images of a task.
        images = jnp.concatenate([episode.support_x, episode.query_x])
        labels = jnp.concatenate([episode.support_y, episode.query_y])
        return walk(state, images, labels, key, inner_steps, jax.random.fold_in(key, 1))

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        keys = jax.random.split(key, episodes.support_y.shape[0])
        found = over_episodes(one, state)(episodes, keys)
        part = rate * jnp.maximum(1 - state.step / steps, 0.0)
        return _moved(state, found, part), {"loss": found.losses.mean()}

    return train


def minibatches(key: jax.Array, images: int, batch: int, number: int) -> jax.Array:
    """Indices [number, at most batch]: a random order of all images, then another, and so on."""
    batch = min(batch, images)
    rounds = -(-number * batch // images)
    orders = jax.vmap(lambda k: jax.random.permutation(k, images))(jax.random.split(key, rounds))
    return orders.reshape(-1)[: number * batch].reshape(number, batch)


def _moved(state: State, found: Adapted, part: jax.Array) -> State:
    """The state after `part` of the way to the parameters adapted to a batch of tasks."""
    params = jax.tree.map(partial(_towards, part), state.params, found.params)
    return State(params, state.stats, jax.tree.map(_mean, found.optimizer), state.step + 1)


def _towards(part: jax.Array, here: jax.Array, there: jax.Array) -> jax.Array:
    """`here`, moved by `part` of the way to the mean of `there` [tasks, ...]."""
    return here + part * (there.mean(0) - here)


def _mean(leaf: jax.Array) -> jax.Array:
    """The mean over tasks; for a counter, which is the same for all tasks, the first."""
    return leaf.mean(0) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf[0]
