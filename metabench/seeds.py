"""The one place that makes random keys from whole numbers."""

from __future__ import annotations

import jax

PRNG = "threefry2x32"  # named, so that no change of jax's default moves an episode


def root_key(seed: int) -> jax.Array:
    """The key that all episodes of `seed` are folded from."""
    return jax.random.key(seed, impl=PRNG)


VALIDATION_SEED = 2**30  # of the validation episodes: the same ones for every learner and seed
