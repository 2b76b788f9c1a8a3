"""Networks over sequences of vectors, and the state of a learner with such a network.

`images.py` (images and labels) and `forecasting.py` (points and values of a function) decide
what is read and what is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.nets.memory.lstm import scaled_matrix
from metabench.nets.memory.unroll import Cell, unroll
from metabench.types import PyTree


class SequenceNet(NamedTuple):
    """A network over sequences of vectors."""

    init: Callable[[jax.Array], tuple[PyTree, PyTree]]
    """`init(key) -> (params, statistics)`."""
    start: Callable[[int], PyTree]
    """`start(batch) -> carry`."""
    run: Callable[..., tuple[PyTree, jax.Array, PyTree]]
    """`run(params, statistics, carry, xs, train) -> (carry, outputs, statistics)`, from
    [steps, batch, inputs] to [steps, batch, width]."""
    width: int
    settle: Callable[[PyTree, PyTree, jax.Array, jax.Array], PyTree] | None = None
    """`settle(params, statistics, xs, number) -> statistics` after batch `number` of those that
    are averaged for the test; None where there are no statistics."""


class Lengths(NamedTuple):
    """How many steps a network will read."""

    training: int
    longest: int  # in training or in the test


Network: TypeAlias = Callable[[int, Lengths], SequenceNet]
"""`network(inputs, lengths)`: a network by a learner's options, for vectors of `inputs` numbers."""


class State(NamedTuple):
    """The state in meta-training."""

    params: PyTree
    statistics: PyTree
    optimizer: PyTree


def of_cell(cell: Cell, segment: int | None = None) -> SequenceNet:
    """A cell without statistics as a network."""

    def run(
        params: PyTree, statistics: PyTree, carry: PyTree, xs: jax.Array, train: bool
    ) -> tuple[PyTree, jax.Array, PyTree]:
        del train
        carry, outputs = unroll(cell, params, carry, xs, segment)
        return carry, outputs, statistics

    return SequenceNet(lambda key: (cell.init(key), ()), cell.start, run, cell.outputs)


def first_state(
    net: SequenceNet, optimizer: optax.GradientTransformation, outputs: int
) -> Callable[[jax.Array], State]:
    """`init(key)` of a network with a linear layer of `outputs` numbers on top."""

    def init(key: jax.Array) -> State:
        within, out = jax.random.split(key)
        params, statistics = net.init(within)
        matrix = scaled_matrix(out, net.width, outputs)
        params = {"net": params, "out": matrix, "bias": jnp.zeros(outputs)}
        return State(params, statistics, optimizer.init(params))

    return init


def settling(
    net: SequenceNet, reading: Callable[[Any, jax.Array], jax.Array]
) -> Callable[[State, Any, jax.Array, jax.Array], State] | None:
    """`Training.settle` of a network with statistics; None of one without.

    Args:
      net: the network.
      reading: `reading(tasks, key)`, what it reads in training, [steps, batch, inputs].
    """
    average = net.settle
    if average is None:
        return None

    def settle(state: State, tasks: Any, key: jax.Array, number: jax.Array) -> State:
        read = reading(tasks, key)
        found = average(state.params["net"], state.statistics, read, number)
        return state._replace(statistics=found)

    return settle


def answers(
    net: SequenceNet,
    params: PyTree,
    statistics: PyTree,
    carry: PyTree,
    read: jax.Array,
    train: bool,
) -> tuple[PyTree, jax.Array, PyTree]:
    """The carry, numbers [steps, batch, outputs] and statistics after reading `read`."""
    carry, found, statistics = net.run(params["net"], statistics, carry, read, train)
    return carry, found @ params["out"] + params["bias"][None, None], statistics
