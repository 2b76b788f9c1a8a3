"""Every kind of task, by its shape: episodes, streams of the online protocol, functions.

Training, evaluation and digests draw through here, and know no kind themselves.
"""

from __future__ import annotations

from typing import overload

import jax
import jax.numpy as jnp

from metabench.episodes import episode_digest, sample_batch
from metabench.functions import sample_functions
from metabench.streams import sample_streams, stream_digest
from metabench.types import (
    ClassTable,
    Episode,
    Function,
    FunctionShape,
    ImageTaskShape,
    Stream,
    StreamShape,
    TaskShape,
)


@overload
def sample_tasks(
    key: jax.Array, indices: jax.Array, table: ClassTable, shape: ImageTaskShape
) -> Episode | Stream: ...


@overload
def sample_tasks(
    key: jax.Array, indices: jax.Array, table: ClassTable | None, shape: TaskShape
) -> Episode | Stream | Function: ...


def sample_tasks(
    key: jax.Array, indices: jax.Array, table: ClassTable | None, shape: TaskShape
) -> Episode | Stream | Function:
    """Tasks `indices` [batch] of the family `key`, with a leading axis on every leaf.

    Functions are drawn from no table.
    """
    if isinstance(shape, FunctionShape):
        return sample_functions(key, indices, shape)
    assert table is not None, "images are drawn from a table"
    if isinstance(shape, StreamShape):
        return sample_streams(key, indices, table, shape)
    return sample_batch(key, indices, table, shape)


def task_digest(seed: int, table: ClassTable, shape: ImageTaskShape, number: int) -> str:
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
