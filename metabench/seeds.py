"""The one place that makes random keys from whole numbers, and what JAX draws from them.

Settings of JAX that the user makes, by environment variables say, would move draws under the same
seed: the order of threefry's words, and floats of 64 bits. They are pinned wherever a result is
made, and the words of tasks are drawn alike under any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import jax.numpy as jnp

PRNG = "threefry2x32"  # named, so that episodes do not change with JAX's default
PINNED = {
    "jax_threefry_partitionable": True,
    "jax_enable_x64": False,
    "jax_numpy_dtype_promotion": "standard",
}


def root_key(seed: int) -> jax.Array:
    """The key from which all episodes of `seed` are folded."""
    return jax.random.key(seed, impl=PRNG)


def task_words(key: jax.Array, number: int, index: jax.Array) -> jax.Array:
    """uint32 [number]: the random words of task `index` of the family `key`."""
    with jax.threefry_partitionable(True):
        return jax.random.bits(jax.random.fold_in(key, index), (number,), jnp.uint32)


def pin() -> None:
    """Set what draws depend on, for the whole process: for commands, which own theirs."""
    for name, value in PINNED.items():
        jax.config.update(name, value)


@contextmanager
def pinned() -> Iterator[None]:
    """The same inside, in this thread alone: for calls from a program of somebody else's."""
    with (
        jax.threefry_partitionable(True),
        jax.enable_x64(False),
        jax.numpy_dtype_promotion("standard"),
    ):
        yield


VALIDATION_SEED = 2**30  # of the validation episodes, which are the same for all learners and seeds
