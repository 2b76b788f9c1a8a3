"""The evaluator: how the queries of each episode are answered. It never trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jax.stages import Wrapped

from metabench.compute.devices import AXIS, copied, cores, here, mesh
from metabench.compute.episodewise import in_parts, over_episodes
from metabench.compute.hosts import of_all, several
from metabench.compute.in_cache import on_one_core
from metabench.compute.memory import free_on
from metabench.contracts.learner import EpisodeLearner, StreamLearner
from metabench.files.progress import say
from metabench.scoring.answers import checked_scores
from metabench.scoring.chunks import chunk_size, fitting, while_memory_lasts
from metabench.scoring.streams import stream_tally
from metabench.scoring.tally import Tally, answered, tally_of
from metabench.seeds import pinned, root_key
from metabench.tasks.kinds import sample_tasks
from metabench.tasks.streams import shown
from metabench.types import (
    ClassTable,
    Episode,
    EpisodeShape,
    ImageTaskShape,
    PyTree,
    Stream,
    StreamShape,
)

ImageLearner: TypeAlias = EpisodeLearner | StreamLearner


def episode_tally(
    learner: EpisodeLearner, way: int, state: PyTree, episode: Episode, key: jax.Array
) -> Tally:
    """How the queries of one episode of `way` classes are answered."""
    task = learner.adapt(state, episode.support_x, episode.support_y, key)
    scores = checked_scores(
        learner.predict(task, episode.query_x),
        "predict",
        ("queries", "way"),
        len(episode.query_y),
        way,
    )
    answers = scores.argmax(-1)
    right = (answers == episode.query_y) & answered(scores)
    return tally_of(right.sum(dtype=jnp.int32), answers, scores)


def make_evaluator(
    learner: ImageLearner, shape: ImageTaskShape
) -> Callable[[PyTree, ClassTable, jax.Array, jax.Array], Tally]:
    """`run(state, table, key, indices) -> tallies`, compiled once per chunk size.

    `correct` is [indices] for episodes and [indices, presentations] for streams. If this host
    has several devices in use, each computes a part of the indices, which they divide; they
    exchange nothing.
    """

    def run(state: PyTree, table: ClassTable, key: jax.Array, indices: jax.Array) -> Tally:
        tasks = sample_tasks(key, indices, table, shape)
        keys = jax.vmap(partial(jax.random.fold_in, jax.random.fold_in(key, 2**31)))(indices)
        if isinstance(learner, StreamLearner):
            assert isinstance(tasks, Stream), "a shape of streams has a learner of streams"
            assert isinstance(shape, StreamShape), "and tasks of such a shape"
            return jax.vmap(partial(stream_tally, learner, state, shape))(tasks, keys)
        assert isinstance(shape, EpisodeShape), "and one of episodes has episodes"
        with on_one_core():
            return over_episodes(partial(episode_tally, learner, shape.way), state)(tasks, keys)

    return in_parts(run, here())


def evaluate(
    learner: ImageLearner,
    state: PyTree,
    table: ClassTable,
    shape: ImageTaskShape,
    *,
    seed: int,
    episodes: int,
    evaluator: Callable[..., Tally] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Correct answers in each of tasks 0 … `episodes`-1 of `seed`; arguments as for `tallies`.

    int32 [episodes]; for streams [episodes, presentations].
    """
    found = tallies(
        learner,
        state,
        table,
        shape,
        seed=seed,
        episodes=episodes,
        evaluator=evaluator,
        progress=progress,
    )
    return np.asarray(found.correct)


def tallies(
    learner: ImageLearner,
    state: PyTree,
    table: ClassTable,
    shape: ImageTaskShape,
    *,
    seed: int,
    episodes: int,
    evaluator: Callable[..., Tally] | None = None,
    progress: Callable[[int], None] = lambda done: None,
    numbers: np.ndarray | None = None,
) -> Tally:
    """How tasks 0 … `episodes`-1 of `seed` are answered: arrays [episodes, …] on the host.

    Of several hosts, each computes a part of the tasks, and all get all answers.

    Products are those of 32-bit floats on every device: by default a GPU rounds what it
    multiplies to 10 bits, and near ties then break otherwise than on a CPU.

    Args:
      learner: what is evaluated.
      state: of the learner, trained.
      table: classes to draw from.
      shape: of the episodes.
      seed: of the stream of episodes.
      episodes: how many.
      evaluator: from `make_evaluator`, to share one compilation between calls.
      progress: called with the number of episodes done.
      numbers: of the tasks in place of 0 … `episodes`-1, as many as `episodes`.
    """
    run, devices = evaluator or make_evaluator(learner, shape), here()
    given = copied((state, table, root_key(seed)), devices)

    def answered(numbers: np.ndarray) -> Tally:
        work = _Test(run, given, devices, numbers, progress)
        chunk = fitting(chunk_size(shape), work.bytes_of, free_on(devices))
        while_memory_lasts(work.go_on, chunk, say)
        return jax.tree.map(lambda *parts: np.concatenate(parts), *work.found)

    numbers = (np.arange(episodes) if numbers is None else numbers).astype(np.int32)
    return of_all(answered, numbers) if several() else answered(numbers)


class _Test:
    """Tasks `numbers`, answered by a compiled `run`, chunk by chunk."""

    def __init__(
        self,
        run: Callable[..., Tally],
        given: tuple[Any, ...],
        devices: Sequence[jax.Device],
        numbers: np.ndarray,
        progress: Callable[[int], None],
    ) -> None:
        self._run, self._given, self._numbers, self._progress = run, given, numbers, progress
        self._spread = NamedSharding(mesh(devices), PartitionSpec(AXIS))
        self._devices, self._one_by_one = devices, Lock()
        self.found: list[Tally] = []
        self.done = 0

    def go_on(self, chunk: int) -> None:
        """Answer what is left, `chunk` tasks on each device at once."""
        size = chunk * len(self._devices)
        starts = range(self.done, len(self._numbers), size)

        def counted(start: int) -> Tally:
            # The first call compiles for all; none waits here for a result.
            with self._one_by_one, _exactly():
                counts = self._run(*self._given, self._indices(start, size))
            return jax.tree.map(np.asarray, counts)

        with ThreadPoolExecutor(_workers(self._devices)) as pool:
            for start, one in zip(starts, pool.map(counted, starts), strict=True):
                left = len(self._numbers) - start
                self.found.append(jax.tree.map(lambda leaf, left=left: leaf[:left], one))
                self.done = min(start + size, len(self._numbers))
                self._progress(self.done)

    def bytes_of(self, chunk: int) -> int:
        """What the program for `chunk` tasks on each device takes there; it is compiled for it."""
        if not isinstance(self._run, Wrapped):
            return 0
        with _exactly():
            indices = self._indices(0, chunk * len(self._devices))
            needs = self._run.lower(*self._given, indices).compile().memory_analysis()
        each = 0 if needs is None else needs.temp_size_in_bytes + needs.output_size_in_bytes
        return each * _workers(self._devices)

    def _indices(self, start: int, size: int) -> jax.Array:
        """Some tasks. They extend beyond the last one, so that only one shape is compiled."""
        some = self._numbers[start : start + size]
        beyond = self._numbers[-1] + 1 + np.arange(size - len(some), dtype=np.int32)
        return jax.device_put(np.concatenate((some, beyond)), self._spread)


@contextmanager
def _exactly() -> Iterator[None]:
    """What is traced inside draws as always, and multiplies as a CPU does."""
    with pinned(), jax.default_matmul_precision("float32"):
        yield


def _workers(devices: Sequence[jax.Device]) -> int:
    """How many chunks are computed at once: each device of a CPU has a core to itself."""
    return max(1, cores() // len(devices)) if devices[0].platform == "cpu" else 1


def adaptation_ms(
    learner: ImageLearner,
    state: PyTree,
    table: ClassTable,
    shape: ImageTaskShape,
    repeats: int = 20,
) -> float:
    """Median milliseconds of one compiled `adapt` on a support set; for streams, of one step."""
    key = root_key(0)
    one = jax.jit(partial(sample_tasks, shape=shape))(key, jnp.arange(1), table)
    task = jax.tree.map(lambda leaf: leaf[0], one)
    if isinstance(shape, StreamShape):
        assert isinstance(learner, StreamLearner)
        work, inputs, parts = jax.jit(learner.answer), (task.xs, shown(task)), shape.steps
    else:
        assert isinstance(learner, EpisodeLearner)
        work, inputs, parts = jax.jit(learner.adapt), (task.support_x, task.support_y), 1
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        jax.block_until_ready(work(state, *inputs, key))
        seconds.append(time.perf_counter() - began)
    return 1000 * float(np.median(seconds[1:])) / parts  # the first one compiles
