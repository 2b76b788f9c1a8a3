"""A layer that is fitted to the supports of an episode, on features that stay as they are.

Chen, Liu, Kira, Wang & Huang 2019, section 3.2, by the procedure of the authors' code
(wyharveychen/CloserLookFewShot): a layer with random weights goes down the cross-entropy of
minibatches by gradient descent with momentum, dampening and weight decay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.options import TEST_ONLY, Count, Options, Rate
from metabench.learners.common.inner_loop import inner_loop
from metabench.types import PyTree

Fit = Literal["layer", "nearest_means"]
First: TypeAlias = Callable[[jax.Array, int, int], PyTree]
Score: TypeAlias = Callable[[PyTree, jax.Array], jax.Array]
MOMENTUM, DAMPENING, WEIGHT_DECAY = 0.9, 0.9, 1e-3  # as in the authors' code


@dataclass(frozen=True)
class Fitting(Options):
    """Options of what an episode makes of its supports. None of them plays a part in training.

    Args:
      fit: `layer` fits one by gradient descent; `nearest_means` takes the class whose mean makes
        the smallest angle with the query, with nothing fitted.
      fit_epochs: passes over all supports (100 in the authors' code).
      fit_batch: supports in a step (4 in the authors' code).
      fit_rate: of the descent (0.01 in the authors' code).
    """

    fit: Annotated[Fit, TEST_ONLY] = "layer"
    fit_epochs: Annotated[Count, TEST_ONLY] = 100
    fit_batch: Annotated[Count, TEST_ONLY] = 4
    fit_rate: Annotated[Rate, TEST_ONLY] = 0.01


class Layer(NamedTuple):
    """A kind of layer."""

    first: First
    """`first(key, features, way) -> layer`, with random weights."""
    score: Score
    """`score(layer, features [n, features]) -> logits [n, way]`."""


def uniform(key: jax.Array, shape: tuple[int, ...], features: int) -> jax.Array:
    """First weights of a layer on `features` features, as PyTorch draws them."""
    return jax.random.uniform(key, shape, minval=-1, maxval=1) / features**0.5


class Minibatches(NamedTuple):
    """Supports by their indices, a row for each step."""

    indices: jax.Array  # int32 [steps, batch]
    weights: jax.Array  # [steps, batch]; 0 where the last batch of an epoch has no more supports


def fitted(
    layer: Layer, options: Fitting, features: jax.Array, labels: jax.Array, way: int, key: jax.Array
) -> PyTree:
    """The layer after all epochs on the supports [supports, features] with `labels` [supports]."""
    begin_key, order_key = jax.random.split(key)

    def loss(weights: PyTree, batch: Minibatches) -> jax.Array:
        scores = layer.score(weights, features[batch.indices])
        error = optax.softmax_cross_entropy_with_integer_labels(scores, labels[batch.indices])
        return (error * batch.weights).sum() / batch.weights.sum()

    number, size = features.shape
    batches = minibatches(order_key, number, options.fit_batch, options.fit_epochs)
    begin = layer.first(begin_key, size, way)
    return inner_loop(loss, begin, dampened(options.fit_rate), batches).params


def minibatches(key: jax.Array, number: int, batch: int, epochs: int) -> Minibatches:
    """Batches of `number` supports, in another order in each epoch; the last may be smaller."""
    steps = -(-number // batch)
    orders = jax.vmap(lambda key: jax.random.permutation(key, number))(
        jax.random.split(key, epochs)
    )
    missing = ((0, 0), (0, steps * batch - number))
    indices, weights = jnp.pad(orders, missing), jnp.pad(jnp.ones((epochs, number)), missing)
    return Minibatches(indices.reshape(-1, batch), weights.reshape(-1, batch))


class Momentum(NamedTuple):
    """The running gradient; `taken` is how many steps have been made."""

    running: PyTree
    taken: jax.Array


def dampened(rate: float) -> optax.GradientTransformation:
    """Gradient descent with momentum, dampening and weight decay, as PyTorch's `SGD` defines it.

    The running gradient is the first step's, and then 0.9 of itself and 0.1 of the new gradient: a
    gradient that stays the same moves the weights by `rate`, where momentum without dampening
    would move them by ten times that.
    """

    def init(params: PyTree) -> Momentum:
        return Momentum(jax.tree.map(jnp.zeros_like, params), jnp.zeros((), jnp.int32))

    def update(gradient: PyTree, state: Momentum, params: PyTree = None) -> tuple[PyTree, Momentum]:
        decayed = jax.tree.map(lambda g, p: g + WEIGHT_DECAY * p, gradient, params)
        share = jnp.where(state.taken == 0, 1.0, 1 - DAMPENING)
        running = jax.tree.map(lambda r, g: MOMENTUM * r + share * g, state.running, decayed)
        return jax.tree.map(lambda r: -rate * r, running), Momentum(running, state.taken + 1)

    return optax.GradientTransformation(init, update)
