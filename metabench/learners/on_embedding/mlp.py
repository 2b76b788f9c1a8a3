"""A dense network with dropout on another learner's embedding (Hsu, Levine & Finn 2019).

One hidden layer, fitted to the supports of each episode from random weights.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Chance, Count, Rate, with_options
from metabench.errors import UserError
from metabench.learners.common.inner_loop import inner_loop
from metabench.learners.common.neighbours import unit
from metabench.learners.on_embedding.base import Embedding, on_embedding
from metabench.types import EpisodeShape


class Layers(NamedTuple):
    """The weights of both layers; the last row of each is the bias."""

    hidden: jax.Array  # [dimensions + 1, hidden]
    output: jax.Array  # [hidden + 1, way]


@with_options
def mlp(
    shape: EpisodeShape,
    *,
    source: Embedding = Embedding(),
    hidden: Count = 128,
    dropout: Chance = 0.5,
    fit_steps: Count = 100,
    fit_rate: Rate = 1e-2,
) -> EpisodeLearner:
    """A network of one hidden layer on the features of the supports, scaled to unit length.

    Args:
      shape: of the test episodes.
      source: the learner whose embedding the classifier is fitted to.
      hidden: units.
      dropout: probability that a hidden unit is left out of a step.
      fit_steps: of Adam, each on all supports.
      fit_rate: of Adam.
    """
    if dropout == 1:
        raise UserError(f"`dropout` is {dropout}; it must be below 1, or no unit is left")

    def first(key: jax.Array, dimensions: int) -> Layers:
        initial, keys = jax.nn.initializers.he_normal(), jax.random.split(key)
        hidden_layer = initial(keys[0], (dimensions, hidden))
        output = jnp.zeros((hidden, shape.way))  # the first logits are equal
        return Layers(*(jnp.pad(layer, ((0, 1), (0, 0))) for layer in (hidden_layer, output)))

    def fit(kept: jax.Array, features: jax.Array, labels: jax.Array, key: jax.Array) -> Layers:
        del kept
        begin_key, drop_key = jax.random.split(key)
        x = unit(features)

        def loss(layers: Layers, key: jax.Array) -> jax.Array:
            stay = jax.random.bernoulli(key, 1 - dropout, (x.shape[0], hidden)) / (1 - dropout)
            scores = _affine(layers.output, _active(layers, x) * stay)
            return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

        begin = first(begin_key, x.shape[1])
        keys = jax.random.split(drop_key, fit_steps)
        return Layers(*inner_loop(loss, begin, optax.adam(fit_rate), keys).params)

    def score(layers: Layers, features: jax.Array) -> jax.Array:
        return _affine(layers.output, _active(layers, unit(features)))

    return on_embedding(shape, source, fit, score)


def _active(layers: Layers, x: jax.Array) -> jax.Array:
    return jax.nn.relu(_affine(layers.hidden, x))


def _affine(weights: jax.Array, x: jax.Array) -> jax.Array:
    return x @ weights[:-1] + weights[-1][None]
