"""Scores of supports by class, in memory that does not grow with supports times classes."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def largest(scores: jax.Array, labels: jax.Array, absent: float) -> jax.Array:
    """The largest score of each class: [queries, way].

    Args:
      scores: [queries, supports].
      labels: one-hot [supports, way].
      absent: the score of a class without supports, below all others.
    """
    found = jax.ops.segment_max(scores.T, labels.argmax(-1), labels.shape[1])
    return jnp.maximum(found.T, absent)


def log_sum(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """The logarithm of the sum of `exp(score)` over the supports of each class: [queries, way].

    Args:
      scores: [queries, supports].
      labels: one-hot [supports, way]; every class has a support.
    """
    member = labels.argmax(-1)
    highest = jax.lax.stop_gradient(largest(scores, labels, -jnp.inf))
    return highest + jnp.log(jnp.exp(scores - highest[:, member]) @ labels)
