"""Regression by a network that reads points: x of this step and y of the step before.

At each step it answers with a Gaussian over y, and the loss is the mean negative log
density of all points of a function (Santoro et al. 2016, section 4.2).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import Forecaster, Metrics, Training
from metabench.learners.common.optimizer import descended
from metabench.learners.recurrent.sequence_net import (
    Lengths,
    Network,
    SequenceNet,
    State,
    answers,
    first_state,
    settling,
)
from metabench.tasks.functions import check_functions, shown_values
from metabench.tasks.gaussian_process import log_density
from metabench.types import Forecast, Function, FunctionShape, PyTree

LEAST = 0.01  # deviation: a fifth of the smallest noise that functions are drawn with


class Read(NamedTuple):
    """What is kept of points: the network, its carry, and the last y."""

    params: PyTree
    statistics: PyTree
    carry: PyTree
    last: jax.Array  # []


def function_learner(
    network: Network, optimizer: optax.GradientTransformation, shape: FunctionShape
) -> Forecaster:
    """A learner of functions from a network and an optimizer; `UserError` on a wrong shape."""
    check_functions(shape)
    # One step more than there are points: a query is read after all of them.
    net = network(shape.dimensions + 1, Lengths(shape.points, shape.points + 1))

    def forecast(state: State, xs: jax.Array, before: jax.Array, key: jax.Array) -> Forecast:
        del key
        params, statistics = state.params, state.statistics
        read = _reading(xs, before)[:, None]
        _, found, _ = answers(net, params, statistics, net.start(1), read, False)
        return _forecast(found[:, 0])

    def adapt(state: State, xs: jax.Array, ys: jax.Array, key: jax.Array) -> Read:
        del key
        params, statistics = state.params, state.statistics
        read = _reading(xs, shown_values(ys))[:, None]
        carry, _, _ = answers(net, params, statistics, net.start(1), read, False)
        return Read(params, statistics, carry, ys[-1])

    def predict(task: Read, queries: jax.Array) -> Forecast:
        def one(query: jax.Array) -> Forecast:
            read = jnp.append(query, task.last)[None, None]
            _, found, _ = answers(net, task.params, task.statistics, task.carry, read, False)
            return _forecast(found[0, 0])

        return jax.vmap(one)(queries)

    def step(state: State, functions: Function, key: jax.Array) -> tuple[State, Metrics]:
        del key
        return _step(net, optimizer, state, functions)

    training = Training(
        step, settle=settling(net, lambda functions, key: _training_reading(functions))
    )
    return Forecaster(first_state(net, optimizer, 2), adapt, predict, forecast, training)


def _training_reading(functions: Function) -> jax.Array:
    """What is read in training, [steps, batch, inputs], of a batch of functions."""
    return _reading(functions.xs, shown_values(functions.ys)).swapaxes(0, 1)


def _reading(xs: jax.Array, before: jax.Array) -> jax.Array:
    """Points [..., dimensions] and the values of the steps before [...]: [..., inputs]."""
    return jnp.concatenate([xs, before[..., None]], axis=-1)


def _forecast(found: jax.Array) -> Forecast:
    """From two numbers [..., 2]."""
    return Forecast(found[..., 0], jax.nn.softplus(found[..., 1]) + LEAST)


def _step(
    net: SequenceNet,
    optimizer: optax.GradientTransformation,
    state: State,
    functions: Function,
) -> tuple[State, Metrics]:
    """One step down the mean negative log density of a batch of functions."""
    read = _training_reading(functions)
    wanted = functions.ys.T

    def loss(params: PyTree) -> tuple[jax.Array, PyTree]:
        start = net.start(read.shape[1])
        _, found, statistics = answers(net, params, state.statistics, start, read, True)
        return -log_density(_forecast(found), wanted).mean(), statistics

    (error, statistics), grads = jax.value_and_grad(loss, has_aux=True)(state.params)
    return descended(optimizer, state, grads, statistics=statistics), {"loss": error}
