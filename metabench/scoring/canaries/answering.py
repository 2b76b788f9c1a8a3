"""How the canaries ask: chunks of tasks on the host, and what is seen of scores.

The tasks and the keys of learners are those of the test. Products are those of 32-bit floats, as
in the test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from metabench.compute.devices import cores
from metabench.scoring.canaries.canary import Seen
from metabench.scoring.chunks import chunk_size
from metabench.seeds import pinned, root_key
from metabench.tasks.kinds import sample_tasks
from metabench.types import ClassTable, Episode, ImageTaskShape, Stream

ROUNDING = 1e-3  # of the largest score: what another order of float32 operations may change
Call: TypeAlias = Callable[..., np.ndarray]
Measure: TypeAlias = Callable[[Any, jax.Array, np.ndarray, Call], Mapping[str, Seen]]


def seen_in_chunks(
    measure: Measure,
    table: ClassTable,
    shape: ImageTaskShape,
    *,
    seed: int,
    tasks: int,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Seen]:
    """What `measure` sees of tasks 0 … `tasks`-1 of `seed`, by name.

    Args:
      measure: `measure(tasks, keys, indices, call)` of a chunk of tasks on the host, where
        `call(function, *arguments)` calls a compiled function.
      table: classes to draw from.
      shape: of the tasks.
      seed: of the test's tasks.
      tasks: how many.
      progress: called with the number of tasks done.
    """
    chunk, one_by_one = min(chunk_size(shape), tasks), Lock()
    key, draw = root_key(seed), jax.jit(partial(sample_tasks, shape=shape))
    keys_of = jax.jit(jax.vmap(partial(jax.random.fold_in, jax.random.fold_in(key, 2**31))))

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        # The first call compiles for all; none waits here for a result.
        with one_by_one, pinned(), jax.default_matmul_precision("float32"):
            found = function(*arguments)
        return jax.tree.map(np.asarray, found)

    def of_chunk(start: int) -> Mapping[str, Seen]:
        # The last chunk extends beyond the end, so that only one shape is compiled.
        indices = np.arange(start, start + chunk, dtype=np.int32)
        found: Episode | Stream = call(draw, key, jnp.asarray(indices), table)
        with one_by_one, pinned():
            keys = keys_of(jnp.asarray(indices))
        return measure(found, keys, indices, call)

    workers = cores() if jax.default_backend() == "cpu" else 1
    with ThreadPoolExecutor(workers) as pool:
        parts = []
        for part in pool.map(of_chunk, range(0, tasks, chunk)):
            parts.append(part)
            progress(min(len(parts) * chunk, tasks))
    return {name: _joined([one[name] for one in parts], tasks) for name in parts[0]}


def _joined(parts: list[Seen], tasks: int) -> Seen:
    return Seen(*(np.concatenate(each)[:tasks] for each in zip(*parts, strict=True)))


def differ(scores: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Whether scores [..., classes] give another answer than the usual ones: bool [...].

    Scores that differ by no more than rounding give the same answer: ties are broken at random.
    """
    apart = np.abs(scores - usual).max(-1)
    beyond = apart > ROUNDING * np.maximum(1, np.abs(usual).max(-1))
    missing, missed = (np.isnan(each).any(-1) for each in (scores, usual))
    other = (scores.argmax(-1) != usual.argmax(-1)) & beyond
    return np.where(missing | missed, missing != missed, other)


def random_of(seed: int, index: int) -> np.random.RandomState:
    """What draws for task `index`. The legacy generator draws alike in every version of NumPy."""
    return np.random.RandomState([seed, index])
