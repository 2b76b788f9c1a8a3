"""The coordinatewise LSTM over several steps, and its gradient for given inputs, block by block.

Meta-training needs the gradient of Σ_t ⟨c_t, output_t⟩. The gradients that the LSTM reads and the
cotangents c_t are known beforehand, so coordinates are independent: a block of them goes through
all steps, forwards and backwards, while it is in the cache. The backward pass is written by hand;
it multiplies by derivatives ("slopes") that the forward pass stores.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.compute.columnwise import widened
from metabench.learned_optimizers.lstm.coordinatewise import (
    Layer,
    P,
    State,
    Weights,
    blank,
    inputs_of,
    represented,
)
from metabench.nets.lstm_cell import Gates, Memory, remembered

BLOCK = 192  # coordinates


class Kept(NamedTuple):
    """What the backward pass needs of one layer and step; all but the first are [units, n]."""

    read: jax.Array  # [inputs + units, n]
    slopes: Gates  # derivatives of the cell, or of the hidden state, by the input of each gate
    said: jax.Array  # derivative of the hidden state by the cell
    forget: jax.Array  # derivative of the cell by the cell before


class Trace(NamedTuple):
    """What a block stores in its forward pass, for all steps or for one."""

    kept: tuple[Kept, ...]  # of each layer, [steps, ..., n]
    hidden: jax.Array  # of the last layer, [steps, units, n]


def weight_gradient(
    weights: Weights,
    state: State,
    gradients: jax.Array,
    cotangents: jax.Array,
    p: float | None = P,
    block: int = BLOCK,
) -> Weights:
    """The gradient of Σ ⟨cotangents, outputs⟩ with respect to the weights.

    Args:
      weights: of the LSTM.
      state: of n coordinates before the first of the steps; it is a constant.
      gradients: that the LSTM reads, [steps, n].
      cotangents: [steps, n].
      p: of the preprocessing; None: there is none.
      block: coordinates that are computed together.
    """
    size = gradients.shape[1]
    inputs = gradients, cotangents, *jax.tree.leaves(state)
    # Coordinates that are added as padding have no cotangent, so they do not change the sum.
    wide = (widened(one, size + -size % block) for one in inputs)
    blocks = [one.reshape(len(one), -1, block).swapaxes(0, 1) for one in wide]
    structure = jax.tree.structure(state)

    def add(
        carry: tuple[Weights, Trace], parts: list[jax.Array]
    ) -> tuple[tuple[Weights, Trace], None]:
        total, trace = carry
        read, cotangent, *rest = parts
        own = jax.tree.unflatten(structure, rest)
        found, trace = _of_block(weights, own, read, cotangent, p, trace)
        return (jax.tree.map(jnp.add, total, found), trace), None

    start = jax.tree.map(jnp.zeros_like, weights), _blank(weights, len(gradients), block, p)
    return jax.lax.scan(add, start, blocks)[0][0]


def _blank(weights: Weights, steps: int, block: int, p: float | None) -> Trace:
    """Memory for a trace, used for all blocks: new memory for each would first be set to zero."""
    x = jax.ShapeDtypeStruct((inputs_of(p), block), weights.output.dtype)
    one = jax.eval_shape(_forward, weights, blank(weights, block), x)[1]
    return jax.tree.map(lambda leaf: jnp.zeros((steps, *leaf.shape), leaf.dtype), one)


def _of_block(
    weights: Weights,
    state: State,
    gradients: jax.Array,
    cotangents: jax.Array,
    p: float | None,
    trace: Trace,
) -> tuple[Weights, Trace]:
    """The gradient, and the trace that was overwritten."""

    def ahead(
        carry: tuple[State, Trace], step: tuple[jax.Array, jax.Array]
    ) -> tuple[tuple[State, Trace], None]:
        (state, trace), (number, x) = carry, step
        state, found = _forward(weights, state, x)
        return (state, jax.tree.map(lambda rows, row: rows.at[number].set(row), trace, found)), None

    inputs = represented(gradients, p)  # [steps, inputs, n]
    steps = jnp.arange(len(inputs))
    (_, trace), _ = jax.lax.scan(ahead, (state, trace), (steps, inputs))

    def back(
        carry: tuple[State, tuple[Layer, ...]], step: tuple[tuple[Kept, ...], jax.Array]
    ) -> tuple[tuple[State, tuple[Layer, ...]], None]:
        return _backward(weights, carry, *step), None

    nothing = tuple(jax.tree.map(jnp.zeros_like, one) for one in state)
    start = nothing, jax.tree.map(jnp.zeros_like, weights.layers)
    (_, layers), _ = jax.lax.scan(back, start, (trace.kept, cotangents), reverse=True)
    output = jnp.einsum("tun,tn->u", trace.hidden, cotangents)
    return Weights(layers, output, cotangents.sum()), trace


def _forward(weights: Weights, state: State, x: jax.Array) -> tuple[State, Trace]:
    """One step on inputs [inputs, n]: the state, and what is stored."""
    after, kept = [], []
    for layer, memory in zip(weights.layers, state, strict=True):
        read = jnp.concatenate([x, memory.hidden])
        (x, cell), gates = remembered(layer.kernel @ read + layer.bias[:, None], memory.cell)
        after.append(Memory(x, cell))
        kept.append(_kept(read, memory.cell, cell, gates))
    return tuple(after), Trace(tuple(kept), x)


def _kept(read: jax.Array, before: jax.Array, after: jax.Array, gates: Gates) -> Kept:
    admit, forget, new, said = gates
    out = jnp.tanh(after)
    slopes = Gates(
        admit * (1 - admit) * new,
        forget * (1 - forget) * before,
        admit * (1 - new * new),
        said * (1 - said) * out,
    )
    return Kept(read, slopes, said * (1 - out * out), forget)


def _backward(
    weights: Weights,
    carry: tuple[State, tuple[Layer, ...]],
    kept: tuple[Kept, ...],
    cotangent: jax.Array,
) -> tuple[State, tuple[Layer, ...]]:
    """One step back: gradients to the state before it, and to the layers, summed over steps."""
    state, sums = list(carry[0]), list(carry[1])
    above = weights.output[:, None] * cotangent[None]
    for number in reversed(range(len(kept))):
        one, layer = kept[number], weights.layers[number]
        hidden = state[number].hidden + above
        cell = state[number].cell + hidden * one.said
        *of_cell, of_hidden = one.slopes
        raw = jnp.concatenate([*(slope * cell for slope in of_cell), of_hidden * hidden])
        kernel = jax.lax.dot_general(raw, one.read, (((1,), (1,)), ((), ())))
        sums[number] = Layer(sums[number].kernel + kernel, sums[number].bias + raw.sum(1))
        below = layer.kernel.T @ raw
        inputs = below.shape[0] - hidden.shape[0]
        above = below[:inputs]
        state[number] = Memory(below[inputs:], cell * one.forget)
    return tuple(state), tuple(sums)
