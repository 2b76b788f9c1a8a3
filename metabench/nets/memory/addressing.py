"""Where an external memory is read and written: by content, least recent use, or location.

These functions take one sequence; cells take a batch by `jax.vmap`, which turns them into
batched matrix products (on a CPU faster than one lane for each sequence). Shapes: memory
[rows, width], weights [heads, rows], usage [rows], keys [heads, width].

Content and least recent use after Santoro et al. 2016 (equations 2 to 8), location after
Graves, Wayne & Danihelka 2014 (equations 5 to 9).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

TINY = 1e-8  # added to squared lengths, so that a row of zeros is orthogonal to everything


def cosines(keys: jax.Array, memory: jax.Array) -> jax.Array:
    """Cosine of each key with each row: [heads, rows]."""
    keys = keys * jax.lax.rsqrt(jnp.square(keys).sum(-1, keepdims=True) + TINY)
    inverse = jax.lax.rsqrt(jnp.square(memory).sum(-1) + TINY)
    return keys @ memory.T * inverse[None]


def by_content(keys: jax.Array, memory: jax.Array, strengths: jax.Array | None = None) -> jax.Array:
    """Softmax over rows of the cosines, times `strengths` [heads] if given."""
    found = cosines(keys, memory)
    return jax.nn.softmax(found if strengths is None else strengths[:, None] * found)


class LeastUsed(NamedTuple):
    """The rows that were used least, as numbers 0 and 1. No gradient."""

    own: jax.Array  # [heads, rows]: of head i, the row of i-th smallest usage
    every: jax.Array  # [1, rows]: the `heads` rows of smallest usage
    first: jax.Array  # [rows]: the single one of smallest usage


def least_used(usage: jax.Array, heads: int) -> LeastUsed:
    """The `heads` rows of smallest usage; of equal ones, the first."""
    smallest = jax.lax.top_k(-jax.lax.stop_gradient(usage), heads)[1]
    rows = jnp.arange(usage.shape[0])
    chosen = (rows[None] == smallest[:, None]).astype(usage.dtype)
    return LeastUsed(chosen, chosen.sum(0, keepdims=True), chosen[0])


def between(gates: jax.Array, read: jax.Array, least: jax.Array) -> jax.Array:
    """Write weights σ(α)·(read weights before) + (1 - σ(α))·(least used): [heads, rows].

    Args:
      gates: α [heads].
      read: weights of the step before, [heads, rows].
      least: `LeastUsed.own` or `LeastUsed.every`.
    """
    share = jax.nn.sigmoid(gates)[:, None]
    return share * read + (1 - share) * least


def write(memory: jax.Array, weights: jax.Array, added: jax.Array, wiped: jax.Array) -> jax.Array:
    """Set the rows marked in `wiped` [rows] to zero, then add weights · added [heads, width]."""
    return memory * (1 - wiped)[:, None] + weights.T @ added


def use(usage: jax.Array, decay: float, read: jax.Array, written: jax.Array) -> jax.Array:
    """Usage after a step: decay · before + all read weights + all write weights. No gradient."""
    return jax.lax.stop_gradient(decay * usage + read.sum(0) + written.sum(0))


def shift(weights: jax.Array, shifts: jax.Array) -> jax.Array:
    """Circular convolution with `shifts` [heads, 3]: by -1, 0 and +1 rows."""
    back, stay, on = (shifts[:, i, None] for i in range(3))
    return back * jnp.roll(weights, -1, 1) + stay * weights + on * jnp.roll(weights, 1, 1)


def sharpen(weights: jax.Array, power: jax.Array) -> jax.Array:
    """Weights to the `power` [heads] (1 or more), made to sum to 1 again."""
    raised = jnp.power(weights + TINY, power[:, None])
    return raised / raised.sum(-1, keepdims=True)


def by_location(
    content: jax.Array, before: jax.Array, gate: jax.Array, shifts: jax.Array, power: jax.Array
) -> jax.Array:
    """Graves' addressing after the content step: [heads, rows].

    Args:
      content: weights by content, [heads, rows].
      before: weights of the step before, [heads, rows].
      gate: share of `content` against `before`, in [0, 1], [heads].
      shifts: distribution over shifts by -1, 0, +1 rows, [heads, 3].
      power: sharpening, 1 or more, [heads].
    """
    mixed = gate[:, None] * content + (1 - gate[:, None]) * before
    return sharpen(shift(mixed, shifts), power)


def erase_and_add(
    memory: jax.Array, weights: jax.Array, erase: jax.Array, add: jax.Array
) -> jax.Array:
    """M·Π(1 - w_h e_h) + Σ w_h a_h over the heads; `erase` in [0, 1] and `add` are [heads, width].

    Graves' equations 3 and 4: all erasures come before all additions.
    """
    kept = jnp.prod(1 - weights[:, :, None] * erase[:, None, :], axis=0)
    return memory * kept + weights.T @ add
