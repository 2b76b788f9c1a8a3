"""When two answers are the same, and when two states have the same form."""

from __future__ import annotations

import jax
import numpy as np

from metabench.types import PyTree

ROUNDING = 1e-3  # of the largest number: what another order of float32 operations may change


def distance(found: PyTree, expected: PyTree) -> float:
    """Largest difference of two answers, in units of what rounding may change."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    return float(np.max([_distance(*pair) for pair in pairs]))


def _distance(found: jax.Array, expected: jax.Array) -> float:
    one, other = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    return float(np.abs(one - other).max() / (ROUNDING * max(1.0, np.abs(other).max())))


def same_bits(found: PyTree, expected: PyTree) -> bool:
    """Whether all arrays of two trees are equal."""
    return all(map(np.array_equal, jax.tree.leaves(found), jax.tree.leaves(expected)))


def form(tree: PyTree) -> PyTree:
    """Type and shape of every array of a tree, such as `float32[5, 3]`."""
    return jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", tree)


def same_form(one: PyTree, other: PyTree) -> bool:
    """Whether two trees have the same structure, and their arrays the same types and shapes."""
    found, expected = (jax.tree.flatten(form(tree)) for tree in (one, other))
    return found == expected
