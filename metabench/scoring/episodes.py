"""The evaluator: how the queries of each episode are answered. It never trains."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from metabench.compute.devices import AXIS, copied, cores, mesh
from metabench.compute.episodewise import over_episodes
from metabench.compute.in_cache import on_one_core
from metabench.contracts.learner import EpisodeLearner, StreamLearner
from metabench.scoring.answers import checked_scores
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
CHUNK_BYTES = 256 * 2**20  # of a layer's activations and the scores of the episodes at once
WIDTH = 64  # channels assumed for this limit


def chunk_size(shape: ImageTaskShape) -> int:
    """How many tasks are evaluated at once: a power of two up to 64 that fits memory."""
    if isinstance(shape, StreamShape):
        return 64
    height, width, _ = shape.image
    activations = (shape.supports + shape.queries) * height * width * WIDTH
    scores = shape.queries * (shape.supports + shape.way)
    episode = 4 * (activations + scores)
    chunk = 64
    while chunk > 1 and chunk * episode > CHUNK_BYTES:
        chunk //= 2
    return chunk


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

    `correct` is [indices] for episodes and [indices, presentations] for streams. If there
    are several devices, the tasks of a chunk are spread over them.
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

    return jax.jit(run)


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
    run = evaluator or make_evaluator(learner, shape)
    devices = jax.devices()[: 1 if jax.default_backend() == "cpu" else None]
    chunk = -(-chunk_size(shape) // len(devices)) * len(devices)
    spread = jax.sharding.NamedSharding(mesh(devices), jax.sharding.PartitionSpec(AXIS))
    state, table, key = copied((state, table, root_key(seed)), devices)
    found, starts = [], range(0, episodes, chunk)
    one_by_one = Lock()
    # The last chunk extends beyond the end, so that only one shape is compiled.
    numbers = np.arange(episodes) if numbers is None else numbers
    beyond = numbers[-1] + 1 + np.arange(chunk)
    numbers = np.concatenate((numbers, beyond)).astype(np.int32)

    def counted(start: int) -> Tally:
        indices = jax.device_put(numbers[start : start + chunk], spread)
        # The first call compiles for all; none waits here for a result.
        with one_by_one, pinned(), jax.default_matmul_precision("float32"):
            counts = run(state, table, key, indices)
        return jax.tree.map(np.asarray, counts)

    with ThreadPoolExecutor(_workers()) as pool:
        for start, one in zip(starts, pool.map(counted, starts), strict=True):
            found.append(one)
            progress(min(start + chunk, episodes))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:episodes], *found)


def _workers() -> int:
    """How many chunks are evaluated at once: one per core, as a chunk cannot use several."""
    return cores() if jax.default_backend() == "cpu" else 1


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
