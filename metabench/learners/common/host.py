"""Classifiers outside JAX, on the host: scikit-learn, PyTorch, anything over NumPy arrays.

They meet the same episodes as all others: `jax.pure_callback` calls them from a compiled program,
one episode after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from metabench.types import PyTree

Classify: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray, PyTree], np.ndarray]


class HostTask(NamedTuple):
    """What a classifier on the host is fitted to when there are queries."""

    supports: jax.Array  # [supports, ...]
    labels: jax.Array  # int32 [supports]
    kept: PyTree


def classified(classify: Classify, task: HostTask, queries: jax.Array, way: int) -> jax.Array:
    """The answer of a function on the host to an episode: logits, float32 [queries, way].

    Args:
      classify: `classify(supports, labels, queries, kept) -> scores [queries, way]`, of NumPy
        arrays; it must give the same answer for the same arguments.
      task: supports, and other arguments of `classify`.
      queries: [queries, ...].
      way: classes.
    """

    def answer(task: HostTask, queries: jax.Array) -> np.ndarray:
        supports, labels, kept = jax.tree.map(np.asarray, task)
        return np.asarray(classify(supports, labels, np.asarray(queries), kept), np.float32)

    shape = jax.ShapeDtypeStruct((queries.shape[0], way), jnp.float32)
    return jax.pure_callback(answer, shape, task, queries, vmap_method="sequential")


def score_of(classify: Classify, way: int) -> Callable[[HostTask, jax.Array], jax.Array]:
    """`score(task, queries)` of a learner that fits on the host."""
    return lambda task, queries: classified(classify, task, queries, way)


def fit_of(kept: PyTree, supports: jax.Array, labels: jax.Array, key: jax.Array) -> HostTask:
    """`fit` of a learner that fits on the host: it only stores what is needed later."""
    del key  # nothing is drawn
    return HostTask(supports, labels, kept)
