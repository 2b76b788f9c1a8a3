"""The two-level LSTM of Ravi & Larochelle 2017: gradient descent whose gates are learned.

The parameters of a learner are the cell state of an LSTM: θ_t = f_t ⊙ θ_{t-1} - i_t ⊙ ∇_t, where a
forget gate f and an input gate i of each coordinate are computed from its gradient, the loss, its
value and its last gates (section 3.2). A first LSTM, with a state for each coordinate and the same
weights for all, reads gradients and losses over time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from metabench.nets.lstm_cell import remembered, sigmoid
from metabench.nets.preprocessing import preprocessed
from metabench.types import PyTree

INPUTS = 4  # two numbers of the gradient, two of the loss
P = 10.0  # of the preprocessing
SPREAD = 0.01  # first weights are uniform from -0.01 to 0.01
FIRST_RATE = 0.011  # of descent, before meta-training: the sigmoid of -4.5


class Weights(NamedTuple):
    """What is meta-learned."""

    inputs: jax.Array  # [4, 4 * hidden]: input, forget, cell, output
    recurrent: jax.Array  # [hidden, 4 * hidden]
    bias: jax.Array  # [4 * hidden]
    gates: jax.Array  # [hidden + 2, 2]: forget and input gate, from hidden, θ and the last gate
    gate_bias: jax.Array  # [2]


class Cell(NamedTuple):
    """The state of each of n coordinates, which lie along the last axis."""

    hidden: jax.Array  # [hidden, n]
    cell: jax.Array  # [hidden, n]
    gates: jax.Array  # [2, n]: the last forget and input gate


def first_weights(key: jax.Array, hidden: int, rate: float = FIRST_RATE) -> Weights:
    """Forget gates near 1 (bias from U(4, 5)) and input gates near `rate`, between 0 and 1.

    So meta-training begins with gradient descent (section 3.4). The default rate is the paper's:
    biases of input gates from U(-5, -4).
    """
    keys = jax.random.split(key, 4)
    shapes = ((INPUTS, 4 * hidden), (hidden, 4 * hidden), (hidden + 2, 2))
    drawn = [
        jax.random.uniform(k, shape, minval=-SPREAD, maxval=SPREAD)
        for k, shape in zip(keys, shapes, strict=False)
    ]
    middle = jnp.array([4.5, jnp.log(rate) - jnp.log1p(-rate)])
    bias = middle + jax.random.uniform(keys[3], (2,), minval=-0.5, maxval=0.5)
    return Weights(drawn[0], drawn[1], jnp.zeros(4 * hidden), drawn[2], bias)


def blank(weights: Weights, size: int) -> Cell:
    """The state of `size` coordinates before the first step."""
    hidden = weights.recurrent.shape[0]
    return Cell(jnp.zeros((hidden, size)), jnp.zeros((hidden, size)), jnp.zeros((2, size)))


def gated_descent(weights: Weights, p: float = P) -> optax.GradientTransformationExtraArgs:
    """The optimizer with given weights; `update` takes the loss as `value`.

    Args:
      weights: learned, or from `first_weights`.
      p: of the preprocessing of gradients and losses.

    Reference: https://openreview.net/forum?id=rJY0-Kcll
    """

    def init(params: PyTree) -> Cell:
        size = sum(leaf.size for leaf in jax.tree.leaves(params))
        return blank(weights, size)

    def update(
        gradients: PyTree, state: Cell, params: PyTree = None, *, value: Any, **others: Any
    ) -> tuple[PyTree, Cell]:
        del others
        flat, restore = ravel_pytree(gradients)
        theta, _ = ravel_pytree(params)
        state = advance(weights, state, flat, theta, jnp.asarray(value), p)
        after = state.gates[0] * theta - state.gates[1] * flat
        return restore(after - theta), state

    return optax.GradientTransformationExtraArgs(init, update)


def advance(
    weights: Weights,
    state: Cell,
    gradient: jax.Array,
    theta: jax.Array,
    loss: jax.Array,
    p: float = P,
) -> Cell:
    """One step of both LSTMs on n coordinates.

    Args:
      weights: shared by all coordinates.
      state: of each.
      gradient: [n].
      theta: the parameters, [n].
      loss: scalar.
      p: of the preprocessing.
    """
    # The loss is the same for all coordinates: it goes in with the bias.
    common = weights.bias + preprocessed(loss, p) @ weights.inputs[2:]
    read = weights.inputs[:2].T @ preprocessed(gradient, p).T + weights.recurrent.T @ state.hidden
    hidden, cell = remembered(read + common[:, None], state.cell)[0]
    size = hidden.shape[0]
    said = weights.gates[:size].T @ hidden + weights.gates[size][:, None] * theta[None]
    own = weights.gates[size + 1][:, None] * state.gates
    return Cell(hidden, cell, sigmoid(said + own + weights.gate_bias[:, None]))
