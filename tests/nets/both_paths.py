"""The same function on XLA's own operations and on the CPU's, and that both agree."""

import jax
import numpy as np

from metabench.compute.native import use_native


def both(function, *arguments):
    """What `function` returns on the native path, and on the CPU's."""
    with use_native(True):
        expected = jax.jit(lambda *a: function(*a))(*arguments)
    with use_native(False):
        return expected, jax.jit(lambda *a: function(*a))(*arguments)


def assert_same(pair, tolerance=1e-9):
    expected, actual = pair
    assert jax.tree.structure(expected) == jax.tree.structure(actual)
    assert any(np.abs(leaf).max() > 1e-3 for leaf in jax.tree.leaves(expected))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance),
        expected,
        actual,
    )
