"""Either kind of task, by its shape: episodes of N-way k-shot, or streams of the online protocol.

Training, evaluation and digests draw through here, and know no kind themselves.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.episodes import episode_digest, sample_batch
from metabench.streams import sample_streams, stream_digest
from metabench.types import ClassTable, Episode, Stream, StreamShape, TaskShape


def sample_tasks(
    key: jax.Array, indices: jax.Array, table: ClassTable, shape: TaskShape
) -> Episode | Stream:
    """Tasks `indices` [batch] of the family `key`, with a leading axis on every leaf."""
    if isinstance(shape, StreamShape):
        return sample_streams(key, indices, table, shape)
    return sample_batch(key, indices, table, shape)


def task_digest(seed: int, table: ClassTable, shape: TaskShape, number: int) -> str:
    """sha256 over tasks 0 … `number`-1 of `seed`: which were met."""
    if isinstance(shape, StreamShape):
        return stream_digest(seed, table, shape, number)
    return episode_digest(seed, table, shape, number)


def images_of(tasks: Episode | Stream) -> jax.Array:
    """All images of a batch of tasks, without their labels: [images, height, width, channels]."""
    if isinstance(tasks, Stream):
        return tasks.xs.reshape(-1, *tasks.xs.shape[2:])
    images = jnp.concatenate([tasks.support_x, tasks.query_x], axis=1)
    return images.reshape(-1, *images.shape[2:])
