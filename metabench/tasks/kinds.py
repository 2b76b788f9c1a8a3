"""Every kind of task, by its shape: episodes, streams, images without labels, functions.

Training, evaluation and digests draw tasks through this module and know no kind themselves.
"""

from __future__ import annotations

from typing import overload

import jax

from metabench.tasks.draws import whole
from metabench.tasks.episodes import episode_digest, sample_batch
from metabench.tasks.functions import sample_functions
from metabench.tasks.streams import sample_streams, stream_digest
from metabench.types import (
    ClassTable,
    Episode,
    Function,
    FunctionShape,
    ImagesShape,
    ImageTaskShape,
    Stream,
    StreamShape,
    TaskShape,
    TrainShape,
)


@overload
def sample_tasks(
    key: jax.Array, indices: jax.Array, table: ClassTable, shape: ImageTaskShape
) -> Episode | Stream: ...


@overload
def sample_tasks(
    key: jax.Array, indices: jax.Array, table: ClassTable | None, shape: TaskShape | TrainShape
) -> Episode | Stream | Function | jax.Array: ...


def sample_tasks(
    key: jax.Array, indices: jax.Array, table: ClassTable | None, shape: TaskShape | TrainShape
) -> Episode | Stream | Function | jax.Array:
    """Tasks `indices` [batch] of the family `key`, with a leading axis on every leaf.

    Functions need no table.
    """
    if isinstance(shape, FunctionShape):
        return sample_functions(key, indices, shape)
    assert table is not None, "images are drawn from a table"
    if isinstance(shape, ImagesShape):
        return sample_images(key, indices, table, shape.number)
    if isinstance(shape, StreamShape):
        return sample_streams(key, indices, table, shape)
    return sample_batch(key, indices, table, shape)


def sample_images(key: jax.Array, indices: jax.Array, table: ClassTable, number: int) -> jax.Array:
    """`number` images for each index, all equally likely, whatever their class.

    uint8 [indices, number, height, width, channels]. The labels of `table` are not read.
    """
    most = table.images.shape[0]

    def one(index: jax.Array) -> jax.Array:
        return jax.random.randint(jax.random.fold_in(key, index), (number,), 0, most)

    return whole(table.images[jax.vmap(one)(indices)])


def task_digest(seed: int, table: ClassTable, shape: ImageTaskShape, number: int) -> str:
    """sha256 over tasks 0 … `number`-1 of `seed`, which identifies them."""
    if isinstance(shape, StreamShape):
        return stream_digest(seed, table, shape, number)
    return episode_digest(seed, table, shape, number)
