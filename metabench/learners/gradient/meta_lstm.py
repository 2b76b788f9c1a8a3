"""The meta-learner LSTM (Ravi & Larochelle 2017).

An LSTM whose cell state is a classifier's weights takes the place of gradient descent: it reads the
loss and each weight's gradient, and its gates say how far to go and how much to forget. Learned are
its own weights and the classifier's first ones. Gradients are constants to the outer loop (section
3.3.1). In the test, queries are normalised by the supports' statistics after the last step;
in meta-training by their own (section 3.3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from metabench.contracts.learner import TEST_ONLY, Learner
from metabench.errors import UserError
from metabench.learners.common.inner_loop import Adapted, inner_loop
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.state import State, Task
from metabench.learners.common.training_shape import training_shape
from metabench.learners.gradient.gates import FIRST_RATE, Weights, first_weights, gated_descent
from metabench.learners.gradient.outer_loop import both_nets, outer_training
from metabench.learners.gradient.replay import replayed
from metabench.nets.classifier import Norm
from metabench.nets.functional import Functional
from metabench.types import EpisodeShape, PyTree

WATCHED = 101  # every so manieth weight's gates are told


class Learned(NamedTuple):
    """What is meta-learned."""

    weights: PyTree  # of the classifier, before the first step
    optimizer: Weights


def meta_lstm(
    shape: EpisodeShape,
    *,
    inner_steps: int = 12,
    hidden: int = 20,
    width: int = 32,
    norm: Norm = "batch",
    test_norm: Annotated[Norm | None, TEST_ONLY] = "support",
    first_rate: float = FIRST_RATE,
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    clip: float | None = 0.25,
    train_query: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """The meta-learner LSTM on four blocks of 32 channels and a linear layer.

    Args:
      shape: of the test episodes.
      inner_steps: updates on a support set, each on all of it (the paper: 12 with one shot).
      hidden: numbers in the state of the first LSTM, for each weight of the classifier.
      width: channels of each block.
      norm: statistics that normalise in meta-training.
      test_norm: the same in validation and test; `batch` is transductive. None for `norm`.
      first_rate: of descent, near which input gates begin (section 3.4); between 0 and 1.
      learning_rate: of Adam, the outer loop.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of an outer gradient.
      train_query: queries per class of the training episodes; None for the test's.
      steps: length of meta-training, for the decay.

    Reference: https://openreview.net/forum?id=rJY0-Kcll
    """
    for name, value in {"inner_steps": inner_steps, "hidden": hidden}.items():
        if value < 1:
            raise UserError(f"`{name}` is {value}; it must be at least 1")
    if not 0 < first_rate < 1:
        raise UserError(f"`first_rate` is {first_rate}; it must be between 0 and 1")
    optimizer = adam(learning_rate, decay, steps, clip)
    net, tested = both_nets(shape, width, norm, test_norm)

    def init(key: jax.Array) -> State:
        net_key, lstm_key = jax.random.split(key)
        weights, stats = net.init(net_key)
        params = Learned(weights, first_weights(lstm_key, hidden, first_rate))
        return State(params, stats, optimizer.init(params))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        stats = tested.init(key)[1]
        return _adapted(tested, inner_steps, state.params, stats, support_x, support_y)

    return Learner(
        init=init,
        adapt=adapt,
        trace=partial(_traced, tested, inner_steps),
        predict=lambda task, query_x: tested.apply(task.weights, task.stats, query_x)[0],
        train=outer_training(partial(_replayed, net, inner_steps), net, optimizer),
        parameters=lambda state: state.params,
        train_shape=training_shape(shape, None, None, train_query),
        apart=True,
        transductive=(test_norm or norm) == "batch",
    )


def _adapted(
    net: Functional,
    steps: int,
    params: Learned,
    stats: PyTree,
    support_x: jax.Array,
    support_y: jax.Array,
) -> Task:
    """The classifier after the LSTM's updates."""
    found = _descended(net, steps, params, stats, support_x, support_y).params
    return Task(found, net.apply(found, stats, support_x, train=True)[1])


def _replayed(
    net: Functional,
    steps: int,
    params: Learned,
    stats: PyTree,
    support_x: jax.Array,
    support_y: jax.Array,
) -> Task:
    """The same, to be differentiated by `params`: first the steps, then the LSTM over them."""
    constant = jax.lax.stop_gradient(params)
    found = _descended(
        net, steps, constant, stats, support_x, support_y, lambda state, g: ravel_pytree(g)[0]
    )
    theta, restore = ravel_pytree(params.weights)
    weights = restore(replayed(params.optimizer, theta, found.seen, found.losses))
    return Task(weights, net.apply(weights, stats, support_x, train=True)[1])


def _traced(
    net: Functional,
    steps: int,
    state: State,
    support_x: jax.Array,
    support_y: jax.Array,
    key: jax.Array,
) -> dict[str, jax.Array]:
    """Error and gates of every step."""
    stats, watch = net.init(key)[1], lambda state, gradient: state.gates[:, ::WATCHED]
    found = _descended(net, steps, state.params, stats, support_x, support_y, watch)
    return {
        "error on the supports": found.losses[:, None],
        "forget gate": found.seen[:, 0],
        "input gate": found.seen[:, 1],
    }


def _descended(
    net: Functional,
    steps: int,
    params: Learned,
    stats: PyTree,
    support_x: jax.Array,
    support_y: jax.Array,
    watch: Callable[[PyTree, PyTree], PyTree] = lambda state, gradient: (),
) -> Adapted:
    """The inner loop, and what `watch` keeps of it."""

    def loss(weights: PyTree, number: jax.Array) -> jax.Array:
        del number  # every step sees all supports
        scores, _ = net.apply(weights, stats, support_x, train=True)
        return optax.softmax_cross_entropy_with_integer_labels(scores, support_y).mean()

    return inner_loop(
        loss,
        params.weights,
        gated_descent(params.optimizer),
        jnp.arange(steps),
        first_order=True,
        watch=watch,
    )
