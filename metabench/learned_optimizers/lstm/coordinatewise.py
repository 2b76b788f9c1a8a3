"""The coordinatewise LSTM of Andrychowicz et al. 2016: a learned update rule.

One small LSTM reads the gradient of one coordinate, step after step, and returns the update of that
coordinate. All coordinates share its weights, and each has its own state. So a trained LSTM fits
parameters of any shape and number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.compute.columnwise import gathered, own, part_size
from metabench.nets.lstm_cell import Memory, remembered
from metabench.nets.preprocessing import preprocessed
from metabench.types import PyTree

UNITS, LAYERS = 20, 2  # of the paper
SCALE = 0.1  # of updates
P = 10.0  # of the preprocessing
ALL = "all"  # the kind of every leaf if all kinds share the weights


class Layer(NamedTuple):
    """An LSTM's weights; rows of the gates in the order input, forget, cell, output."""

    kernel: jax.Array  # [4 * units, inputs + units]: for the inputs, then the hidden state
    bias: jax.Array  # [4 * units]


class Weights(NamedTuple):
    """What is meta-learned."""

    layers: tuple[Layer, ...]
    output: jax.Array  # [units]
    output_bias: jax.Array  # scalar


State: TypeAlias = tuple[Memory, ...]
Kinds: TypeAlias = Mapping[str, Weights]
KindOf: TypeAlias = Callable[[PyTree], PyTree]
"""From parameters to a tree of the same structure that names the kind of each leaf."""


def one_kind(params: PyTree) -> PyTree:
    """All leaves share the weights `all`."""
    return jax.tree.map(lambda leaf: ALL, params)


def first_weights(
    key: jax.Array, units: int = UNITS, layers: int = LAYERS, p: float | None = P
) -> Weights:
    """Normal, of variance 1 / inputs, with open forget gates; the first updates are small."""
    keys, made = jax.random.split(key, layers + 1), []
    for number in range(layers):
        inputs = (units if number else inputs_of(p)) + units
        kernel = inputs**-0.5 * jax.random.normal(keys[number], (4 * units, inputs))
        made.append(Layer(kernel, jnp.zeros(4 * units).at[units : 2 * units].set(1.0)))
    output = 0.1 * units**-0.5 * jax.random.normal(keys[-1], (units,))
    return Weights(tuple(made), output, jnp.zeros(()))


def blank(weights: Weights, size: int) -> State:
    """The state of `size` coordinates before the first step."""
    units = weights.output.shape[0]
    return tuple(Memory(jnp.zeros((units, size)), jnp.zeros((units, size))) for _ in weights.layers)


def inputs_of(p: float | None) -> int:
    """How many numbers represent a gradient."""
    return 1 if p is None else 2


def represented(gradient: jax.Array, p: float | None) -> jax.Array:
    """[..., n] to [..., inputs, n]: what the LSTM reads; the gradient itself if `p` is None."""
    if p is None:
        return gradient[..., None, :]
    return jnp.moveaxis(preprocessed(gradient, p), -1, -2)


def advance(
    weights: Weights, state: State, gradient: jax.Array, p: float | None = P
) -> tuple[jax.Array, State]:
    """One step of n coordinates: the output [n], not yet scaled, and the new state.

    Args:
      weights: shared by all coordinates.
      state: of each.
      gradient: [n].
      p: of the preprocessing; None: there is none.
    """
    x, after = represented(gradient, p), []
    for layer, memory in zip(weights.layers, state, strict=True):
        read = layer.kernel @ jnp.concatenate([x, memory.hidden]) + layer.bias[:, None]
        x, cell = remembered(read, memory.cell)[0]
        after.append(Memory(x, cell))
    return weights.output @ x + weights.output_bias, tuple(after)


def flattened(tree: PyTree, kinds: PyTree) -> dict[str, jax.Array]:
    """The leaves of each kind as one vector."""
    found: dict[str, list[jax.Array]] = {}
    for leaf, kind in zip(jax.tree.leaves(tree), jax.tree.leaves(kinds), strict=True):
        found.setdefault(kind, []).append(jnp.ravel(leaf))
    return {kind: jnp.concatenate(parts) for kind, parts in found.items()}


def restored(vectors: Mapping[str, jax.Array], like: PyTree, kinds: PyTree) -> PyTree:
    """The inverse of `flattened`: vectors as a tree of the shapes and types of `like`."""
    leaves, structure = jax.tree.flatten(like)
    taken, used = [], dict.fromkeys(vectors, 0)
    for leaf, kind in zip(leaves, jax.tree.leaves(kinds), strict=True):
        start, size = used[kind], jnp.size(leaf)
        part = vectors[kind][start : start + size]
        taken.append(part.reshape(jnp.shape(leaf)).astype(jnp.result_type(leaf)))
        used[kind] = start + size
    return jax.tree.unflatten(structure, taken)


def coordinatewise(
    weights: Weights | Kinds, scale: float = SCALE, p: float | None = P, kind_of: KindOf = one_kind
) -> optax.GradientTransformation:
    """The optimizer with given weights, for parameters of any structure and shape.

    Leaves may have an axis for several problems at once, as coordinates are independent.

    Args:
      weights: learned, or from `first_weights`; one set, or one for each kind of parameter.
      scale: of updates.
      p: of the preprocessing: it scales gradients below e^-p, and takes logarithms of larger ones.
        None: gradients are read as they are.
      kind_of: names the kind of each leaf; by default all are of one kind.

    Reference: https://arxiv.org/abs/1606.04474
    """
    sets: Kinds = {ALL: weights} if isinstance(weights, Weights) else weights

    def init(params: PyTree) -> dict[str, State]:
        sizes = jax.eval_shape(lambda tree: flattened(tree, kind_of(tree)), params)
        return {kind: blank(sets[kind], part_size(found.size)) for kind, found in sizes.items()}

    def update(
        gradients: PyTree, state: dict[str, State], params: PyTree = None
    ) -> tuple[PyTree, dict[str, State]]:
        del params
        kinds = kind_of(gradients)
        moves, after = {}, {}
        for kind, vector in flattened(gradients, kinds).items():
            output, after[kind] = advance(sets[kind], state[kind], own(vector), p)
            moves[kind] = scale * gathered(output, vector.size)
        return restored(moves, gradients, kinds), after

    return optax.GradientTransformation(init, update)
