"""The coordinatewise LSTM over several steps, and its gradient for given inputs, block by block.

What meta-training needs is the gradient of Σ_t ⟨c_t, output_t⟩ for gradients that are read and
cotangents that are known beforehand, so that coordinates do not see one another: a block of them
goes through all steps and back while it lies in the cache. The backward pass is written out: on a
CPU it takes 40 % of the time of what `jax.grad` makes of `coordinatewise.advance`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.optimizers.cell import Gates, Memory, remembered
from metabench.optimizers.coordinatewise import Layer, P, State, Weights
from metabench.optimizers.preprocessing import preprocessed

BLOCK = 128  # coordinates


class Kept(NamedTuple):
    """What the backward pass needs of one layer and step, [..., n] each."""

    read: jax.Array  # [inputs + units, n]
    gates: Gates
    before: jax.Array  # the cell
    after: jax.Array


def weight_gradient(
    weights: Weights,
    state: State,
    gradients: jax.Array,
    cotangents: jax.Array,
    p: float = P,
    block: int = BLOCK,
) -> Weights:
    """The gradient of Σ ⟨cotangents, outputs⟩ with respect to the weights.

    Args:
      weights: of the LSTM.
      state: of n coordinates before the first of the steps; it is a constant.
      gradients: that are read, [steps, n].
      cotangents: [steps, n].
      p: of the preprocessing.
      block: coordinates that are taken together.
    """
    padded = -gradients.shape[1] % block
    inputs = (gradients, cotangents, *jax.tree.leaves(state))
    # Coordinates that are added have no cotangent, and so no part in the sum.
    inputs = tuple(jnp.pad(one, ((0, 0), (0, padded))) for one in inputs)
    blocks = [one.reshape(len(one), -1, block).swapaxes(0, 1) for one in inputs]
    structure = jax.tree.structure(state)

    def add(total: Weights, parts: list[jax.Array]) -> tuple[Weights, None]:
        read, cotangent, *rest = parts
        found = _of_block(weights, jax.tree.unflatten(structure, rest), read, cotangent, p)
        return jax.tree.map(jnp.add, total, found), None

    return jax.lax.scan(add, jax.tree.map(jnp.zeros_like, weights), blocks)[0]


def _of_block(
    weights: Weights, state: State, gradients: jax.Array, cotangents: jax.Array, p: float
) -> Weights:
    inputs = preprocessed(gradients, p).swapaxes(1, 2)  # [steps, 2, n]
    _, (kept, hidden) = jax.lax.scan(lambda state, x: _forward(weights, state, x), state, inputs)
    nothing = tuple(jax.tree.map(jnp.zeros_like, one) for one in state)
    start = nothing, jax.tree.map(jnp.zeros_like, weights.layers)

    def back(
        carry: tuple[State, tuple[Layer, ...]], step: tuple[tuple[Kept, ...], jax.Array]
    ) -> tuple[tuple[State, tuple[Layer, ...]], None]:
        return _backward(weights, carry, *step), None

    (_, layers), _ = jax.lax.scan(back, start, (kept, cotangents), reverse=True)
    output = jnp.einsum("tun,tn->u", hidden, cotangents)
    return Weights(layers, output, cotangents.sum())


def _forward(
    weights: Weights, state: State, x: jax.Array
) -> tuple[State, tuple[tuple[Kept, ...], jax.Array]]:
    """One step on inputs [2, n]: the state, what the way back needs, the last hidden [units, n]."""
    after, kept = [], []
    for layer, memory in zip(weights.layers, state, strict=True):
        read = jnp.concatenate([x, memory.hidden])
        (x, cell), gates = remembered(layer.kernel @ read + layer.bias[:, None], memory.cell)
        after.append(Memory(x, cell))
        kept.append(Kept(read, gates, memory.cell, cell))
    return tuple(after), (tuple(kept), x)


def _backward(
    weights: Weights,
    carry: tuple[State, tuple[Layer, ...]],
    kept: tuple[Kept, ...],
    cotangent: jax.Array,
) -> tuple[State, tuple[Layer, ...]]:
    """One step back: gradients of the state before it, and the sums over steps of the layers'."""
    state, sums = list(carry[0]), list(carry[1])
    above = weights.output[:, None] * cotangent[None]
    for number in reversed(range(len(kept))):
        one, layer = kept[number], weights.layers[number]
        admit, forget, new, said = one.gates
        out = jnp.tanh(one.after)
        hidden = state[number].hidden + above
        cell = state[number].cell + hidden * said * (1 - out * out)
        raw = jnp.concatenate(
            [
                cell * new * admit * (1 - admit),
                cell * one.before * forget * (1 - forget),
                cell * admit * (1 - new * new),
                hidden * out * said * (1 - said),
            ]
        )
        kernel = jax.lax.dot_general(raw, one.read, (((1,), (1,)), ((), ())))
        sums[number] = Layer(sums[number].kernel + kernel, sums[number].bias + raw.sum(1))
        below = layer.kernel.T @ raw
        inputs = below.shape[0] - hidden.shape[0]
        above = below[:inputs]
        state[number] = Memory(below[inputs:], cell * forget)
    return tuple(state), tuple(sums)
