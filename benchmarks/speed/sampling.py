"""Sampling: 5-way 1-shot episodes with 15 queries, 4,112 classes of 20 images, 28×28 uint8.

The PyTorch side is how its few-shot codes do it: for each episode `randperm` over the
classes, `randperm` over the examples of each, one gather from a tensor that holds the
whole split. A second, vectorised PyTorch form (`rand` and `topk` over a whole batch of
episodes), which no public code uses, is measured beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import torch

from benchmarks.speed.turns import in_turns
from metabench.episodes import root_key, sample_batch, sample_index_batch
from metabench.types import ClassTable, EpisodeShape

CLASSES, EXAMPLES = 4112, 20
EPISODES = 4096  # in a turn
# Drawn at once: as many as is best for either side, whose pixels should stay in the cache.
BATCH = {"indices": 1024, "episodes": 256}
SHAPE = EpisodeShape(way=5, shot=1, query=15)
EACH = SHAPE.shot + SHAPE.query


def measure(turns: int = 11) -> dict:
    """Ratios for indices alone and for whole uint8 episodes."""
    count = CLASSES * EXAMPLES
    images = jax.random.bits(jax.random.key(0), (count, 28, 28, 1), jnp.uint8)
    table = ClassTable(
        images=images,
        members=jnp.arange(count, dtype=jnp.int32).reshape(CLASSES, EXAMPLES),
        counts=jnp.full(CLASSES, EXAMPLES, jnp.int32),
        class_ids=jnp.arange(CLASSES, dtype=jnp.int32),
    )
    pixels = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
    ours = _ours(table)
    pairs = {
        "indices": _theirs_indices,
        "episodes": partial(_theirs_episodes, pixels),
        "indices_vectorised": _theirs_vectorised,
        "episodes_vectorised": partial(_theirs_gathered, pixels),
    }
    found = {}
    for name, theirs in pairs.items():
        what, _, _ = name.partition("_")
        batch = BATCH[what]
        first = partial(ours[what], jnp.arange(batch))
        row = in_turns(
            _turn(first, batch, jax.block_until_ready), _turn(partial(theirs, batch), batch), turns
        )
        found[name] = {**row, "episodes_per_s": EPISODES / row["ours_s"]}
    return found


def _turn(
    draw: Callable[[], object], batch: int, wait: Callable[[object], object] = id
) -> Callable[[], object]:
    """`EPISODES` in batches, each waited for and dropped."""

    def turn() -> None:
        for _ in range(EPISODES // batch):
            wait(draw())

    return turn


def _ours(table: ClassTable) -> dict[str, Callable[[jax.Array], object]]:
    key = root_key(0)
    indices = jax.jit(lambda numbers: sample_index_batch(key, numbers, table, SHAPE))
    episodes = jax.jit(lambda numbers: sample_batch(key, numbers, table, SHAPE))
    return {"indices": indices, "episodes": episodes}


def _one_episode() -> tuple[torch.Tensor, ...]:
    """Image rows and labels of one episode: supports, and queries in random order."""
    classes = torch.randperm(CLASSES)[: SHAPE.way]
    examples = torch.stack([torch.randperm(EXAMPLES)[:EACH] for _ in range(SHAPE.way)])
    rows, order = classes[:, None] * EXAMPLES + examples, torch.randperm(SHAPE.queries)
    labels = torch.arange(SHAPE.way)
    return (
        rows[:, : SHAPE.shot].flatten(),
        labels.repeat_interleave(SHAPE.shot),
        rows[:, SHAPE.shot :].flatten()[order],
        labels.repeat_interleave(SHAPE.query)[order],
    )


def _theirs_indices(batch: int) -> list:
    return [_one_episode() for _ in range(batch)]


def _theirs_episodes(pixels: torch.Tensor, batch: int) -> list:
    found = (_one_episode() for _ in range(batch))
    return [(pixels[support], a, pixels[query], b) for support, a, query, b in found]


def _theirs_vectorised(batch: int) -> tuple[torch.Tensor, ...]:
    classes = torch.rand(batch, CLASSES).topk(SHAPE.way).indices
    examples = torch.rand(batch, SHAPE.way, EXAMPLES).topk(EACH).indices
    order = torch.rand(batch, SHAPE.queries).argsort()
    rows, labels = classes[..., None] * EXAMPLES + examples, torch.arange(SHAPE.way)
    return (
        rows[:, :, : SHAPE.shot].flatten(1),
        labels.repeat_interleave(SHAPE.shot).expand(batch, -1),
        rows[:, :, SHAPE.shot :].flatten(1).gather(1, order),
        labels.repeat_interleave(SHAPE.query)[order],
    )


def _theirs_gathered(pixels: torch.Tensor, batch: int) -> tuple[torch.Tensor, ...]:
    support, a, query, b = _theirs_vectorised(batch)
    return pixels[support], a, pixels[query], b
