"""A dense network with dropout on another learner's embedding (Hsu, Levine & Finn 2019).

One hidden layer, fitted anew to the supports of each episode.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.common.inner_loop import inner_loop
from metabench.learners.common.neighbours import unit
from metabench.learners.on_embedding.base import on_embedding
from metabench.types import EpisodeShape


class Layers(NamedTuple):
    """The weights of both layers; the last row of each is the bias."""

    hidden: jax.Array  # [dimensions + 1, hidden]
    output: jax.Array  # [hidden + 1, way]


def mlp(
    shape: EpisodeShape,
    *,
    embedding: str = "autoencoder",
    embedding_settings: dict[str, Any] | None = None,
    hidden: int = 128,
    dropout: float = 0.5,
    fit_steps: int = 100,
    fit_rate: float = 1e-2,
) -> Learner:
    """A network of one hidden layer on the features of the supports, scaled to unit length.

    Args:
      shape: of the test episodes.
      embedding: a learner with `embed`, trained first.
      embedding_settings: its options; a run takes those of its recipe where they are not given.
      hidden: units.
      dropout: chance that a hidden unit is left out of a step.
      fit_steps: of Adam, each on all supports.
      fit_rate: of Adam.
    """
    for name, number in {"hidden": hidden, "fit_steps": fit_steps}.items():
        if number < 1:
            raise UserError(f"`{name}` is {number}; it must be at least 1")
    if not 0 <= dropout < 1:
        raise UserError(f"`dropout` is {dropout}; it must be at least 0 and below 1")
    if not fit_rate > 0:
        raise UserError(f"`fit_rate` is {fit_rate}; it must be positive")

    def first(key: jax.Array, dimensions: int) -> Layers:
        initial, keys = jax.nn.initializers.he_normal(), jax.random.split(key)
        hidden_layer = initial(keys[0], (dimensions, hidden))
        output = jnp.zeros((hidden, shape.way))  # nothing is said before the first step
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

    return on_embedding(shape, embedding, embedding_settings, fit, score)


def _active(layers: Layers, x: jax.Array) -> jax.Array:
    return jax.nn.relu(_affine(layers.hidden, x))


def _affine(weights: jax.Array, x: jax.Array) -> jax.Array:
    return x @ weights[:-1] + weights[-1][None]
