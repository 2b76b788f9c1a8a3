"""Each learner's training and test, compiling apart, and its share of the machine's arithmetic.

5-way 1-shot episodes of 28 by 28 pixels with 15 queries of each class, untrained networks of the
learners' default sizes. The limit is measured in the same run: a product of large matrices. `share`
is a row's operations in a second over that; many learners cannot come near, as their images are
small and their normalisations, pools and copies need memory and no arithmetic.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from benchmarks.growth.work import Point
from benchmarks.growth.work import measure as cost_of
from metabench import registry
from metabench.errors import UserError
from metabench.types import EpisodeShape

SIDE = 2048  # of the matrices
NUMBERS = 2**26  # of the array that is copied: larger than any cache
SHAPE = EpisodeShape(5, 1, 15)


def measure() -> dict:
    """Milliseconds of each learner, and the limits."""
    arithmetic, bandwidth = _arithmetic(), _bandwidth()
    found = {"the limits": {"GFLOP/s": arithmetic / 1e9, "GB/s": bandwidth / 1e9}}
    for name in registry.names("learners"):
        if not registry.takes(name, EpisodeShape):
            continue
        learner = registry.build_learner(name, SHAPE, {})
        kinds = {"training, a task": "train", "test, a task": "test"}
        if learner.training is None:
            del kinds["training, a task"]
        for what, kind in kinds.items():
            try:
                row = cost_of(Point(kind, name, query=15))
            except UserError:  # it needs another learner, which is trained first
                continue
            share = row["gflop"] * 1e12 / row["ms"] / arithmetic if "gflop" in row else None
            found[f"{name}, {what}"] = {
                "ms": row["ms"],
                "s to compile": row["compile_s"],
                **({} if share is None else {"% of the limit": 100 * share}),
            }
    return found


def _arithmetic() -> float:
    """Floating-point operations a second."""
    ones = jnp.ones((SIDE, SIDE))
    return 2 * SIDE**3 / _least(partial(jax.jit(jnp.matmul), ones, ones))


def _bandwidth() -> float:
    """Bytes read and written a second."""
    return 2 * 4 * NUMBERS / _least(partial(jax.jit(lambda x: x + 1), jnp.ones(NUMBERS)))


def _least(work: Callable[[], jax.Array], turns: int = 9) -> float:
    """Seconds, after a call that compiles."""
    jax.block_until_ready(work())
    seconds = []
    for _ in range(turns):
        began = time.perf_counter()
        jax.block_until_ready(work())
        seconds.append(time.perf_counter() - began)
    return min(seconds)
