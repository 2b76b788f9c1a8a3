"""The one place that makes random keys from whole numbers."""

from __future__ import annotations

import jax

PRNG = "threefry2x32"  # named, so that episodes do not change with JAX's default


def root_key(seed: int) -> jax.Array:
    """The key from which all episodes of `seed` are folded."""
    return jax.random.key(seed, impl=PRNG)


VALIDATION_SEED = 2**30  # of the validation episodes, which are the same for all learners and seeds
