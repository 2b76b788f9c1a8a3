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
from metabench.episodes import root_key, sample_batch, sample_indices
from metabench.types import ClassTable, EpisodeShape

CLASSES, EXAMPLES, BATCH = 4112, 20, 256
BATCHES = 16  # in a turn
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
    ours_indices, ours_episodes = _ours(table)
    pairs = {
        "indices": (ours_indices, _theirs_indices),
        "episodes": (ours_episodes, partial(_theirs_episodes, pixels)),
        "indices_vectorised": (ours_indices, _theirs_vectorised),
        "episodes_vectorised": (ours_episodes, partial(_gathered, pixels)),
    }
    found = {}
    for name, (ours, theirs) in pairs.items():
        row = in_turns(_repeated(ours), _repeated(theirs), turns)
        found[name] = {**row, "episodes_per_s": BATCH * BATCHES / row["ours_s"]}
    return found


def _repeated(batch: Callable[[], object]) -> Callable[[], None]:
    def turn() -> None:
        for _ in range(BATCHES):
            batch()

    return turn


def _ours(table: ClassTable):
    key, numbers = root_key(0), jnp.arange(BATCH)
    indices = jax.jit(jax.vmap(lambda i: sample_indices(key, i, table, SHAPE)))
    episodes = jax.jit(lambda numbers: sample_batch(key, numbers, table, SHAPE))
    return (
        lambda: jax.block_until_ready(indices(numbers)),
        lambda: jax.block_until_ready(episodes(numbers)),
    )


def _one_episode() -> tuple[torch.Tensor, torch.Tensor]:
    """Rows [way, shot + query] of one episode, and a random order of its queries."""
    classes = torch.randperm(CLASSES)[: SHAPE.way]
    examples = torch.stack([torch.randperm(EXAMPLES)[:EACH] for _ in range(SHAPE.way)])
    return classes[:, None] * EXAMPLES + examples, torch.randperm(SHAPE.queries)


def _theirs_indices() -> list:
    return [_one_episode() for _ in range(BATCH)]


def _theirs_episodes(pixels: torch.Tensor) -> list:
    batch = []
    for _ in range(BATCH):
        rows, order = _one_episode()
        support, query = rows[:, : SHAPE.shot].flatten(), rows[:, SHAPE.shot :].flatten()[order]
        labels = torch.arange(SHAPE.way)
        supports = (pixels[support], labels.repeat_interleave(SHAPE.shot))
        batch.append((*supports, pixels[query], labels.repeat_interleave(SHAPE.query)[order]))
    return batch


def _theirs_vectorised() -> tuple[torch.Tensor, torch.Tensor]:
    classes = torch.rand(BATCH, CLASSES).topk(SHAPE.way).indices
    examples = torch.rand(BATCH, SHAPE.way, EXAMPLES).topk(EACH).indices
    order = torch.rand(BATCH, SHAPE.queries).argsort()
    return classes[..., None] * EXAMPLES + examples, order


def _gathered(pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
    rows, order = _theirs_vectorised()
    query = rows[:, :, SHAPE.shot :].flatten(1).gather(1, order)
    labels = torch.arange(SHAPE.way).repeat_interleave(SHAPE.query)[order]
    return pixels[rows[:, :, : SHAPE.shot].flatten(1)], pixels[query], labels
