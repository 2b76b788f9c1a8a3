"""The meta-learner LSTM (Ravi & Larochelle 2017).

An LSTM whose cell state is a classifier's weights takes the place of gradient descent. It reads the
loss and each weight's gradient, and its gates say how far to go and how much to forget. Its own
weights are learned, and the first weights of the classifier. Gradients are constants to the outer
loop (section 3.3.1). Queries of the test are normalised by the supports' statistics after the last
step, those of meta-training by their own (section 3.3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from metabench.contracts.learner import EpisodeLearner, Training
from metabench.contracts.options import Between, Count, with_options
from metabench.learners.common.inner_loop import Adapted, inner_loop
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.state import State, Task
from metabench.learners.common.training_shape import SameWayEpisodes, training_shape
from metabench.learners.common.whole_network import Supports
from metabench.learners.gradient.gates import FIRST_RATE, Weights, first_weights, gated_descent
from metabench.learners.gradient.outer_loop import Network, outer_training
from metabench.learners.gradient.replay import replayed
from metabench.types import EpisodeShape, PyTree

WATCHED = 101  # a trace holds the gates of every 101st weight


class Learned(NamedTuple):
    """What is meta-learned."""

    weights: PyTree  # of the classifier, before the first step
    optimizer: Weights


@with_options
def meta_lstm(
    shape: EpisodeShape,
    *,
    inner_steps: Count = 12,
    hidden: Count = 20,
    network: Network = Network(test_norm="support"),
    first_rate: Annotated[float, Between(0, 1)] = FIRST_RATE,
    train_query: Count | None = None,
    optimizer: ClippedAdam = ClippedAdam(clip=0.25),
) -> EpisodeLearner:
    """The meta-learner LSTM on four blocks of 32 channels and a linear layer.

    Args:
      shape: of the test episodes.
      inner_steps: updates on a support set, each on all of it (the paper: 12 with one shot).
      hidden: units of the first LSTM, for each weight of the classifier.
      network: the classifier that is adapted.
      first_rate: of descent, near which input gates begin (section 3.4).
      train_query: queries per class of the training episodes; None for the test's.
      optimizer: of the outer loop.

    Reference: https://openreview.net/forum?id=rJY0-Kcll
    """
    outer = adam(optimizer)
    net, tested, transductive = network.nets(shape)

    def init(key: jax.Array) -> State:
        net_key, lstm_key = jax.random.split(key)
        weights, stats = net.init(net_key)
        params = Learned(weights, first_weights(lstm_key, hidden, first_rate))
        return State(params, stats, outer.init(params))

    def met(support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Supports:
        return Supports(tested, tested.init(key)[1], support_x, support_y)

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        return _adapted(inner_steps, state.params, met(support_x, support_y, key))

    def trace(
        state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array
    ) -> dict[str, jax.Array]:
        return _traced(inner_steps, state.params, met(support_x, support_y, key))

    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=lambda task, query_x: tested.apply(task.weights, task.stats, query_x)[0],
        training=Training(
            outer_training(partial(_replayed, inner_steps), net, outer),
            training_shape(shape, SameWayEpisodes(train_query=train_query)),
            spread=True,
        ),
        transductive=transductive,
        trace=trace,
    )


def _adapted(steps: int, params: Learned, supports: Supports) -> Task:
    """The classifier after the LSTM's updates."""
    return supports.task(_descended(steps, params, supports).params)


def _replayed(steps: int, params: Learned, supports: Supports) -> Task:
    """The same, differentiable in `params`: first the steps, then the LSTM over them."""
    constant = jax.lax.stop_gradient(params)
    found = _descended(steps, constant, supports, lambda state, g: ravel_pytree(g)[0])
    theta, restore = ravel_pytree(params.weights)
    return supports.task(restore(replayed(params.optimizer, theta, found.seen, found.losses)))


def _traced(steps: int, params: Learned, supports: Supports) -> dict[str, jax.Array]:
    """Error and gates of every step."""
    found = _descended(steps, params, supports, lambda state, g: state.gates[:, ::WATCHED])
    return {
        "error on the supports": found.losses[:, None],
        "forget gate": found.seen[:, 0],
        "input gate": found.seen[:, 1],
    }


def _descended(
    steps: int,
    params: Learned,
    supports: Supports,
    watch: Callable[[PyTree, PyTree], PyTree] = lambda state, gradient: (),
) -> Adapted:
    """The inner loop, with the values that `watch` keeps."""
    return inner_loop(
        supports.error,
        params.weights,
        gated_descent(params.optimizer),
        jnp.arange(steps),
        first_order=True,
        watch=watch,
    )
