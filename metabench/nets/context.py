"""Full-context embeddings: of supports and queries, given the whole support set.

Vinyals et al. 2016, section 2.1.2 and appendix A.1, A.2.
"""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx

Start = Literal["query", "supports"]


class SupportContext(nnx.Module):
    """g(x_i, S) = forward LSTM_i + backward LSTM_i + g'(x_i), over the support set in order."""

    def __init__(self, features: int, rngs: nnx.Rngs) -> None:
        self.forward = nnx.OptimizedLSTMCell(features, features, rngs=rngs)
        self.backward = nnx.OptimizedLSTMCell(features, features, rngs=rngs)

    def __call__(self, support: jax.Array) -> jax.Array:
        """[supports, features] to [supports, features]."""
        forward = _run(self.forward, support)
        backward = _run(self.backward, support[::-1])[::-1]
        return forward + backward + support


class QueryContext(nnx.Module):
    """f(x, S): an LSTM that reads the supports by attention for `steps` steps.

    The query's own embedding is the constant input and the skip connection; the result of
    the reading is concatenated to the hidden state. The paper does not say where it starts: with
    `start` = `query` the first reading is by the query's embedding, as in the code of Chen et al.
    2019; with `supports` it is the supports' mean.
    """

    def __init__(
        self, features: int, steps: int, rngs: nnx.Rngs, *, start: Start = "query"
    ) -> None:
        # A cell over [embedding, read] with state h has the same weights as the
        # paper's over the embedding with state [h, read].
        self.cell = nnx.OptimizedLSTMCell(2 * features, features, rngs=rngs)
        self.steps, self.start = steps, start

    def __call__(self, query: jax.Array, support: jax.Array) -> jax.Array:
        """[queries, features] and [supports, features] to [queries, features]."""
        cell = jnp.zeros_like(query)
        hidden = query if self.start == "query" else cell  # zeros attend to all supports alike
        for _ in range(self.steps):
            read = jax.nn.softmax(hidden @ support.T) @ support
            (cell, hidden), _ = self.cell((cell, hidden), jnp.concatenate([query, read], axis=-1))
            hidden = hidden + query
        return hidden


def _run(cell: nnx.OptimizedLSTMCell, inputs: jax.Array) -> jax.Array:
    """The cell's outputs over `inputs` [steps, features], from a state of zeros."""
    graph, weights = nnx.split(cell)
    zeros = jnp.zeros(inputs.shape[-1])

    def step(carry: tuple[jax.Array, jax.Array], x: jax.Array) -> tuple[Any, jax.Array]:
        return nnx.merge(graph, weights)(carry, x)

    return jax.lax.scan(step, (zeros, zeros), inputs)[1]
