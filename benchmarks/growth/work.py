"""What is measured at one point of a curve, in a process of its own.

Compiling is timed apart from running. Pixels are random: no learner measured here takes longer for
one image than for another.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

REPEATS = 3
LONG = 20.0  # seconds; a point that takes longer is not repeated


class Point(NamedTuple):
    """A point of a curve: what is done, by whom, with tasks of which size."""

    kind: str  # "test", "train" or "sample"
    learner: str = "protonet"
    settings: Mapping[str, Any] = MappingProxyType({})
    way: int = 5
    shot: int = 1
    query: int = 1  # of each class
    size: int = 28  # of an image, in pixels
    batch: int = 1  # tasks in a step of training
    classes: int = 0  # to draw from; as many as an episode has if 0


def measure(point: Point) -> dict[str, float]:
    """Milliseconds for a task, seconds to compile, the process's largest memory in MB, operations.

    `gflop` are the floating-point operations of a task in billions, where they can be counted.
    """
    from metabench.compute.devices import use_all_cores
    from metabench.results import environment

    use_all_cores()
    work, tasks, operations = KINDS[point.kind](point)
    compiling = _seconds(work)
    runs = [_seconds(work)]
    while len(runs) < REPEATS and sum(runs) < LONG:
        runs.append(_seconds(work))
    running = statistics.median(runs)
    return {
        "ms": round(1000 * running / tasks, 4),
        "compile_s": round(max(compiling - running, 0.0), 2),
        "peak_mb": round(environment.peak_memory_mb(), 1),
        **({} if operations is None else {"gflop": round(operations / tasks / 1e9, 6)}),
    }


class Work(NamedTuple):
    """What is timed."""

    run: Callable[[], object]
    tasks: int  # in a call
    operations: float | None  # in a call; None where they cannot be counted


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _table(point: Point) -> Any:
    """Random images: as many of each class as an episode shows."""
    import jax.numpy as jnp
    import numpy as np

    from metabench.types import ClassTable

    classes, each = max(point.classes, point.way, 64), point.shot + point.query
    count, image = classes * each, (point.size, point.size, 1)
    return ClassTable(
        images=jnp.asarray(np.random.default_rng(0).integers(0, 256, (count, *image), np.uint8)),
        members=jnp.arange(count, dtype=jnp.int32).reshape(classes, each),
        counts=jnp.full(classes, each, jnp.int32),
        class_ids=jnp.arange(classes, dtype=jnp.int32),
    )


def _shape(point: Point) -> Any:
    from metabench.types import EpisodeShape

    image = (point.size, point.size, 1)
    return EpisodeShape(point.way, point.shot, point.query, image=image)


def _test(point: Point) -> Work:
    """Episodes answered, as `metabench run` tests them."""
    import jax.numpy as jnp

    from metabench.registry import build_learner
    from metabench.scoring.chunks import chunk_size
    from metabench.scoring.episodes import evaluate, make_evaluator
    from metabench.seeds import root_key
    from metabench.training.meta_training import initial_state

    shape, table = _shape(point), _table(point)
    learner = build_learner(point.learner, shape, point.settings)
    state, run = initial_state(learner, 0), make_evaluator(learner, shape)
    episodes = 4 * chunk_size(shape)

    def work() -> object:
        return evaluate(learner, state, table, shape, seed=0, episodes=episodes, evaluator=run)

    operations = _operations(run, state, table, root_key(0), jnp.arange(episodes))
    return Work(work, episodes, operations)


def _train(point: Point) -> Work:
    """Steps of meta-training, as the training loop takes them."""
    import jax
    import jax.numpy as jnp

    from metabench.compute.devices import copied
    from metabench.contracts.learner import train_shape
    from metabench.registry import build_learner
    from metabench.seeds import root_key
    from metabench.training.meta_training import initial_state, make_chunk
    from metabench.training.spreading import training_devices

    shape = _shape(point)
    learner = build_learner(point.learner, shape, point.settings)
    chunk = make_chunk(learner, train_shape(learner, shape), point.batch)
    devices = training_devices(learner, point.batch)
    state, table = copied((initial_state(learner, 0), _table(point)), devices)
    kept, steps = [state], 5

    def work() -> None:
        kept[0], metrics = chunk(kept[0], table, root_key(0), jnp.int32(0), steps)
        jax.block_until_ready(metrics)

    operations = _operations(partial(chunk, length=steps), state, table, root_key(0), jnp.int32(0))
    return Work(work, steps * point.batch, operations)


def _sample(point: Point) -> Work:
    """Episodes drawn as uint8 images, 256 at once."""
    import jax
    import jax.numpy as jnp

    from metabench.seeds import root_key
    from metabench.tasks.episodes import sample_batch

    table, shape, number = _table(point), _shape(point), 256
    draw = jax.jit(partial(sample_batch, root_key(0), shape=shape))

    def work() -> None:
        for turn in range(10):
            jax.block_until_ready(draw(number * turn + jnp.arange(number), table=table))

    return Work(work, 10 * number, None)


def _operations(function: Callable[..., object], *arguments: Any) -> float | None:
    import jax

    from metabench.training.flops import operations

    return operations(jax.make_jaxpr(function)(*arguments).jaxpr)


KINDS = {"test": _test, "train": _train, "sample": _sample}
