"""The LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.nets.memory.unroll import Arrays, Cell, Params
from metabench.types import PyTree

FORGET = 1.0  # bias of the forget gate at the start (Jozefowicz et al. 2015)


class Hidden(NamedTuple):
    """What an LSTM carries from step to step."""

    hidden: jax.Array  # [batch, width]
    cell: jax.Array  # [batch, width]


def lstm_step(gates: jax.Array, cell: jax.Array) -> Hidden:
    """One step from the pre-activations [batch, 4 * width] and the cell before it.

    In the order input, forget, output, candidate: c = σ(f)·c + σ(i)·tanh(g), h = σ(o)·tanh(c).
    """
    opened = jax.nn.sigmoid(gates[:, : 3 * cell.shape[1]])
    enter, keep, leave = jnp.split(opened, 3, axis=1)
    cell = keep * cell + enter * jnp.tanh(gates[:, 3 * cell.shape[1] :])
    return Hidden(leave * jnp.tanh(cell), cell)


def gate_bias(width: int) -> jax.Array:
    """Zeros, but for the forget gate."""
    return jnp.zeros(4 * width).at[width : 2 * width].set(FORGET)


def gate_matrix(key: jax.Array, inputs: int, width: int) -> jax.Array:
    """Four orthogonal matrices side by side: [inputs, 4 * width]."""
    draw = jax.nn.initializers.orthogonal()
    return jnp.concatenate([draw(one, (inputs, width)) for one in jax.random.split(key, 4)], axis=1)


def scaled_matrix(key: jax.Array, inputs: int, outputs: int) -> jax.Array:
    """Uniform of variance 1 / inputs (LeCun et al. 1998): [inputs, outputs]."""
    return jax.nn.initializers.lecun_uniform()(key, (inputs, outputs))


def empty(batch: int, width: int) -> Hidden:
    """Zeros."""
    return Hidden(jnp.zeros((batch, width)), jnp.zeros((batch, width)))


def lstm(inputs: int, width: int) -> Cell:
    """A layer of `width` units over `inputs` numbers; its output is the hidden state."""

    def init(key: jax.Array) -> Params:
        entering, recurrent = jax.random.split(key)
        return Params(
            inputs=scaled_matrix(entering, inputs, 4 * width),
            maps={"gates": gate_matrix(recurrent, width, width)},
            biases={"gates": gate_bias(width)},
            rest=(),
        )

    def step(
        maps: Arrays, rest: PyTree, carry: Hidden, offsets: Arrays
    ) -> tuple[Hidden, jax.Array, Arrays]:
        del rest
        after = lstm_step(carry.hidden @ maps["gates"] + offsets["gates"], carry.cell)
        return after, after.hidden, {"gates": carry.hidden}

    return Cell(init, lambda batch: empty(batch, width), step, width)
