"""The cell of an LSTM over n coordinates, which lie along the last axis."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Memory(NamedTuple):
    """The state of n coordinates in one layer."""

    hidden: jax.Array  # [units, n]
    cell: jax.Array  # [units, n]


class Gates(NamedTuple):
    """The values of the gates in one step, [units, n] each."""

    admit: jax.Array
    forget: jax.Array
    new: jax.Array
    said: jax.Array


def remembered(read: jax.Array, cell: jax.Array) -> tuple[Memory, Gates]:
    """The state after a step.

    Args:
      read: the weights applied to input, hidden state and bias, [4 * units, n]; rows in the
        order input, forget, cell, output.
      cell: before the step, [units, n].
    """
    admit, forget, new, said = jnp.split(read, 4)
    gates = Gates(sigmoid(admit), sigmoid(forget), jnp.tanh(new), sigmoid(said))
    after = gates.forget * cell + gates.admit * gates.new
    return Memory(gates.said * jnp.tanh(after), after), gates


def sigmoid(x: jax.Array) -> jax.Array:
    """The logistic function, computed by tanh, which takes half the time on a CPU."""
    return 0.5 * jnp.tanh(0.5 * x) + 0.5
