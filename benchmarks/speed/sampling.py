"""Sampling: 5-way 1-shot episodes with 15 queries, 4,112 classes of 20 images, 28×28 uint8.

The PyTorch side is how its few-shot codes do it: for each episode `randperm` over the
classes, `randperm` over the examples of each, one gather from a tensor that holds the
whole split. A second, vectorised PyTorch form (`rand` and `topk` over a whole batch of
episodes), which no public code uses, is measured beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import torch

from benchmarks.speed.turns import in_turns
from metabench.seeds import root_key
from metabench.tasks.episodes import sample_batch, sample_index_batch
from metabench.types import ClassTable, EpisodeShape


class Work(NamedTuple):
    """What is drawn from what, and how much of it in a turn."""

    classes: int
    examples: int  # of each class
    shape: EpisodeShape
    episodes: int  # in a turn
    # Drawn at once: as many as is best for either side, whose pixels should stay in the cache.
    batch: Mapping[str, int]


OMNIGLOT = Work(4112, 20, EpisodeShape(5, 1, 15), 4096, {"indices": 1024, "episodes": 256})


def measure(turns: int = 11, work: Work = OMNIGLOT) -> dict:
    """Ratios for indices alone and for whole uint8 episodes."""
    height, width, channels = work.shape.image
    count = work.classes * work.examples
    images = jax.random.bits(jax.random.key(0), (count, *work.shape.image), jnp.uint8)
    table = ClassTable(
        images=images,
        members=jnp.arange(count, dtype=jnp.int32).reshape(work.classes, work.examples),
        counts=jnp.full(work.classes, work.examples, jnp.int32),
        class_ids=jnp.arange(work.classes, dtype=jnp.int32),
    )
    pixels = torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8)
    ours = _ours(table, work.shape)
    pairs = {
        "indices": partial(_theirs_indices, work),
        "episodes": partial(_theirs_episodes, work, pixels),
        "indices_vectorised": partial(_theirs_vectorised, work),
        "episodes_vectorised": partial(_theirs_gathered, work, pixels),
    }
    found = {}
    for name, theirs in pairs.items():
        what, _, _ = name.partition("_")
        if what not in work.batch:
            continue
        batch = work.batch[what]
        number = work.episodes // batch
        first = partial(ours[what], jnp.arange(batch))
        row = in_turns(
            _turn(first, number, jax.block_until_ready),
            _turn(partial(theirs, batch), number),
            turns,
        )
        found[name] = {**row, "episodes_per_s": work.episodes / row["ours_s"]}
    return found


def _turn(
    draw: Callable[[], object], number: int, wait: Callable[[object], object] = id
) -> Callable[[], object]:
    """So many batches, each waited for and dropped."""

    def turn() -> None:
        for _ in range(number):
            wait(draw())

    return turn


def _ours(table: ClassTable, shape: EpisodeShape) -> dict[str, Callable[[jax.Array], object]]:
    key = root_key(0)
    indices = jax.jit(lambda numbers: sample_index_batch(key, numbers, table, shape))
    episodes = jax.jit(lambda numbers: sample_batch(key, numbers, table, shape))
    return {"indices": indices, "episodes": episodes}


def _one_episode(work: Work) -> tuple[torch.Tensor, ...]:
    """Image rows and labels of one episode: supports, and queries in random order."""
    shape, each = work.shape, work.shape.shot + work.shape.query
    classes = torch.randperm(work.classes)[: shape.way]
    examples = torch.stack([torch.randperm(work.examples)[:each] for _ in range(shape.way)])
    rows, order = classes[:, None] * work.examples + examples, torch.randperm(shape.queries)
    labels = torch.arange(shape.way)
    return (
        rows[:, : shape.shot].flatten(),
        labels.repeat_interleave(shape.shot),
        rows[:, shape.shot :].flatten()[order],
        labels.repeat_interleave(shape.query)[order],
    )


def _theirs_indices(work: Work, batch: int) -> list:
    return [_one_episode(work) for _ in range(batch)]


def _theirs_episodes(work: Work, pixels: torch.Tensor, batch: int) -> list:
    found = (_one_episode(work) for _ in range(batch))
    return [(pixels[support], a, pixels[query], b) for support, a, query, b in found]


def _theirs_vectorised(work: Work, batch: int) -> tuple[torch.Tensor, ...]:
    shape, each = work.shape, work.shape.shot + work.shape.query
    classes = torch.rand(batch, work.classes).topk(shape.way).indices
    examples = torch.rand(batch, shape.way, work.examples).topk(each).indices
    order = torch.rand(batch, shape.queries).argsort()
    rows, labels = classes[..., None] * work.examples + examples, torch.arange(shape.way)
    return (
        rows[:, :, : shape.shot].flatten(1),
        labels.repeat_interleave(shape.shot).expand(batch, -1),
        rows[:, :, shape.shot :].flatten(1).gather(1, order),
        labels.repeat_interleave(shape.query)[order],
    )


def _theirs_gathered(work: Work, pixels: torch.Tensor, batch: int) -> tuple[torch.Tensor, ...]:
    support, a, query, b = _theirs_vectorised(work, batch)
    return pixels[support], a, pixels[query], b
