"""Seeds that are trained together, beside the same seeds one after another.

Three seeds of each learner, in turns within one process; what is compared is the time of a chunk of
steps, sampling included, without compiling. The ratio is the time of one after another over that of
together: above 1, together is faster. `vectorised` is one program over stacked states (`jax.vmap`),
which accelerators run; on a CPU it is here to show why the cores take the seeds in turn.
Random images of 28 by 28 pixels, 5-way 1-shot, and streams of 20 by 20.

`python -m benchmarks.speed.seeds_together [NAME …]` prints each row as it is measured.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.speed.turns import in_turns
from metabench import registry
from metabench.compute.devices import copied, devices_for
from metabench.contracts.learner import train_shape
from metabench.seeds import root_key
from metabench.training.meta_training import chunk_on, initial_state, make_chunk
from metabench.training.spreading import training_devices
from metabench.training.together import make_chunk_together
from metabench.types import ClassTable, EpisodeShape, StreamShape

SEEDS = 3
CLASSES, EACH = 200, 20


class Row(NamedTuple):
    """A learner, what it is set to, and the steps of a chunk."""

    name: str
    settings: dict
    steps: int
    online: bool = False


ROWS = {
    "protonet": Row("protonet", {}, 4),
    "protonet, 8 channels": Row("protonet", {"width": 8}, 20),
    "matching": Row("matching", {}, 4),
    "maml, one inner step": Row("maml", {"inner_steps": 1, "width": 32}, 2),
    "meta_lstm, two inner steps": Row("meta_lstm", {"inner_steps": 2}, 4),
    "lstm, streams": Row("lstm", {}, 8, online=True),
    "mann, streams": Row("mann", {}, 4, online=True),
}


def measure(turns: int = 3) -> dict:
    """The ratio for each learner, and the seconds of compiling once for all and for each seed."""
    return {f"seeds together, {name}": _row(row, turns) for name, row in ROWS.items()}


def _row(row: Row, turns: int) -> dict:
    shape: Any = EpisodeShape(5, 1, 15)
    if row.online:
        shape = StreamShape(way=5, presentations=10, image=(20, 20, 1))
    learner = registry.build_learner(row.name, shape, row.settings)
    assert learner.training is not None
    drawn, batch = train_shape(learner, shape), learner.training.batch
    states = tuple(initial_state(learner, seed) for seed in range(SEEDS))
    given = (states, _table(drawn.image), tuple(map(root_key, range(SEEDS))))

    spread, apart = training_devices(learner, batch), devices_for(SEEDS)
    alone = make_chunk(learner, drawn, batch)

    def one_by_one(states: Any, table: ClassTable, keys: Any, first: Any, steps: int) -> Any:
        pairs = zip(states, keys, strict=True)
        return [alone(state, table, key, first, steps) for state, key in pairs]

    works = [
        _work(one_by_one, copied(given, spread), row.steps),
        _work(make_chunk_together(learner, drawn, batch, apart), copied(given, apart), row.steps),
        _work(_vectorised(learner, drawn, batch), given, row.steps),
    ]
    compiling = [_seconds(work) for work in works]
    found = in_turns(works[1], works[0], turns)
    stacked = in_turns(works[2], works[0], turns)
    return {
        "times as fast": found["ratio"],
        "at least": found["ratio_low"],
        "at most": found["ratio_high"],
        "times vectorised": stacked["ratio"],
        "ms a step of a seed": 1000 * found["ours_s"] / row.steps / SEEDS,
        "s to compile together": compiling[1],
        "s to compile one": compiling[0],
    }


def _work(chunk: Callable[..., Any], given: tuple, steps: int) -> Callable[[], object]:
    """A call of `chunk` with a copy of the states, which it donates."""
    states, table, keys = given

    def work() -> object:
        fresh = jax.tree.map(jnp.copy, states)
        return jax.block_until_ready(chunk(fresh, table, keys, jnp.int32(0), steps))

    return work


def _vectorised(learner: Any, shape: Any, batch: int) -> Callable[..., Any]:
    """One program over the stacked states."""
    run = chunk_on(jax.devices()[:1], learner, shape, batch)

    @partial(jax.jit, static_argnums=4)
    def chunk(states: Any, table: ClassTable, keys: Any, first: jax.Array, steps: int) -> Any:
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        return jax.vmap(lambda state, key: run(state, table, key, first, steps))(
            stacked, jnp.stack(keys)
        )

    return chunk


def _table(image: tuple[int, int, int]) -> ClassTable:
    count = CLASSES * EACH
    return ClassTable(
        images=jax.random.bits(jax.random.key(0), (count, *image), jnp.uint8),
        members=jnp.arange(count, dtype=jnp.int32).reshape(CLASSES, EACH),
        counts=jnp.full(CLASSES, EACH, jnp.int32),
        class_ids=jnp.arange(CLASSES, dtype=jnp.int32),
    )


def main() -> None:
    """Measure the named rows, or all of them."""
    for name in sys.argv[1:] or ROWS:
        found = _row(ROWS[name], turns=3)
        print(f"{name}: " + ", ".join(f"{value:.3g} {unit}" for unit, value in found.items()))
        sys.stdout.flush()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
