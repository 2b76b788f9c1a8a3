"""Fast weights (Ba, Hinton, Mnih, Leibo & Ionescu 2016): a matrix that remembers the recent past.

With z = W h + C x, the hidden state settles in `settle` inner steps
h_{s+1} = f(LN(z + A h_s)) from h_0 = f(LN(z)), and then A ← λA + η h hᵀ (equations 1 and 2).
The paper writes one LN; whether the first and the inner steps share its gain and bias it does not
say. Public codes give each step its own, or leave the first step without any.
A need not be built: A h = η Σ_τ λ^(t-τ-1) h_τ (h_τ · h), attention over the past states. Both
forms are here: attention is cheaper if there are fewer steps than units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from metabench.nets.memory.lstm import scaled_matrix
from metabench.nets.memory.unroll import Arrays, Cell, Params
from metabench.types import PyTree

Form = Literal["matrix", "attention"]
Norms = Literal["shared", "separate"]
"""Whether the first and the inner steps share the gain and bias of their layer norms."""
SMALL = 1e-5  # added to a variance


class FastSizes(NamedTuple):
    """The sizes of the layer, and how fast it learns and forgets."""

    inputs: int
    units: int = 200
    decay: float = 0.95  # λ
    rate: float = 0.5  # η
    settle: int = 1  # inner steps, S
    norms: Norms = "shared"


class Matrix(NamedTuple):
    """The explicit form: hidden state [batch, units], A [batch, units, units]."""

    hidden: jax.Array
    fast: jax.Array


class Past(NamedTuple):
    """The attention form: the last `steps` hidden states and their weights."""

    hidden: jax.Array  # [batch, units]
    states: jax.Array  # [batch, steps, units]
    worth: jax.Array  # [batch, steps]: η λ^age, 0 where there is no state yet
    place: jax.Array  # int32 []; where the next state goes


class Fast(NamedTuple):
    """One form of the fast weights."""

    start: Callable[[int], Any]
    recall: Callable[[Any, jax.Array], jax.Array]  # A h, [batch, units]
    store: Callable[[Any, jax.Array], Any]  # the carry after a step that ended in h


def normalise(x: jax.Array, gain: jax.Array, bias: jax.Array) -> jax.Array:
    """Layer normalisation (Ba, Kiros & Hinton 2016) of [batch, units]."""
    centred = x - x.mean(-1, keepdims=True)
    deviation = jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + SMALL)
    return centred * deviation * gain[None] + bias[None]


def fast_weights(sizes: FastSizes, form: Form = "matrix", steps: int = 0) -> Cell:
    """A layer with fast weights; its output is the hidden state.

    Args:
      sizes: of the layer.
      form: `matrix` builds A; `attention` keeps past states.
      steps: how many past states `attention` keeps: at least as many as will be unrolled, or
        the oldest are forgotten.
    """
    start, recall, store = _matrix(sizes) if form == "matrix" else _attention(sizes, steps)

    def step(
        maps: Arrays, rest: PyTree, carry: Matrix | Past, offsets: Arrays
    ) -> tuple[Matrix | Past, jax.Array, Arrays]:
        boundary = carry.hidden @ maps["gates"] + offsets["gates"]
        first, *inner = _norms(sizes, rest)
        hidden = jax.nn.relu(normalise(boundary, *first))
        for norm in inner:
            hidden = jax.nn.relu(normalise(boundary + recall(carry, hidden), *norm))
        return store(carry, hidden), hidden, {"gates": carry.hidden}

    return Cell(_init(sizes), start, step, sizes.units)


def _norms(sizes: FastSizes, rest: PyTree) -> list[tuple[jax.Array, jax.Array]]:
    """Gain and bias [units] of the first step and of each inner one."""
    gain, bias = rest["gain"], rest["bias"]
    if sizes.norms == "shared":
        return [(gain, bias)] * (sizes.settle + 1)
    return [(gain[step], bias[step]) for step in range(sizes.settle + 1)]


def _init(sizes: FastSizes) -> Callable[[jax.Array], Params]:
    steps = () if sizes.norms == "shared" else (sizes.settle + 1,)
    shape = (*steps, sizes.units)

    def init(key: jax.Array) -> Params:
        # The paper's start of W: 0.05 times the identity (section 4.1 keeps Le et al.'s scaling).
        return Params(
            inputs=scaled_matrix(key, sizes.inputs, sizes.units),
            maps={"gates": 0.05 * jnp.eye(sizes.units)},
            biases={"gates": jnp.zeros(sizes.units)},
            rest={"gain": jnp.ones(shape), "bias": jnp.zeros(shape)},
        )

    return init


def _matrix(sizes: FastSizes) -> Fast:
    def start(batch: int) -> Matrix:
        square = (batch, sizes.units, sizes.units)
        return Matrix(jnp.zeros((batch, sizes.units)), jnp.zeros(square))

    def recall(carry: Matrix, hidden: jax.Array) -> jax.Array:
        return jnp.einsum("bij,bj->bi", carry.fast, hidden)

    def store(carry: Matrix, hidden: jax.Array) -> Matrix:
        outer = hidden[:, :, None] * hidden[:, None, :]
        return Matrix(hidden, sizes.decay * carry.fast + sizes.rate * outer)

    return Fast(start, recall, store)


def _attention(sizes: FastSizes, steps: int) -> Fast:
    def start(batch: int) -> Past:
        states = jnp.zeros((batch, steps, sizes.units))
        nothing = jnp.zeros((batch, steps))
        return Past(jnp.zeros((batch, sizes.units)), states, nothing, jnp.int32(0))

    def recall(carry: Past, hidden: jax.Array) -> jax.Array:
        attention = carry.worth * jnp.einsum("bsu,bu->bs", carry.states, hidden)
        return jnp.einsum("bs,bsu->bu", attention, carry.states)

    def store(carry: Past, hidden: jax.Array) -> Past:
        here = (jnp.arange(steps) == carry.place % steps)[None]
        states = jnp.where(here[:, :, None], hidden[:, None], carry.states)
        worth = jnp.where(here, sizes.rate, sizes.decay * carry.worth)
        return Past(hidden, states, worth, carry.place + 1)

    return Fast(start, recall, store)
