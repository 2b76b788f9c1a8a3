"""The episode sampler: `sample(key, index, table, shape) -> Episode`, pure and jit-able.

Episode `i` depends on (key, i, table, shape) alone, not on the batch size or the device. So
any episode can be drawn again by itself, and every learner gets the same episodes.
`metabench.tasks.draws` draws the numbers.
No I/O and no models here.
"""

from __future__ import annotations

import hashlib
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from metabench.seeds import root_key, task_words
from metabench.tasks.draws import below, choose, interleave, words_needed
from metabench.tasks.uneven import by_label, in_random_order, number_words, numbers
from metabench.types import ClassTable, Episode, EpisodeShape, Indices


def sample_indices(
    key: jax.Array, index: jax.Array | int, table: ClassTable, shape: EpisodeShape
) -> Indices:
    """Episode `index` of the stream `key`, as indices into `table`.

    Labels are a random permutation of the classes (the draw itself is in random
    order), supports are ordered by label, queries are shuffled. In an uneven shape the number of
    images of each class is drawn too (`metabench.tasks.uneven`).
    """
    batch = sample_index_batch(key, jnp.asarray(index)[None], table, shape)
    return jax.tree.map(lambda leaf: leaf[0], batch)


def sample_index_batch(
    key: jax.Array, indices: jax.Array, table: ClassTable, shape: EpisodeShape
) -> Indices:
    """Episodes `indices` [batch] of the stream `key`; each leaf has a leading axis for them."""
    if table.fixed is not None:
        return Indices(*(leaf[indices] for leaf in table.fixed))
    way, (most_shot, most_query) = shape.way, shape.most
    each = most_shot + most_query
    most_classes, most_examples = table.members.shape
    parts = (
        1,
        words_needed(way, most_classes),
        way * words_needed(each, most_examples),
        words_needed(shape.queries, shape.queries),
        number_words(way, shape.shot_spread),
        number_words(way, shape.query_spread),
    )
    # Episodes along the last axis from here on: see `metabench.tasks.draws`.
    words = jax.vmap(partial(task_words, key, sum(parts)))(indices).T
    pool, class_words, example_words, order, *shares = jnp.split(words, np.cumsum(parts)[:-1])
    classes = _classes(pool, class_words, table, way)
    example_words = example_words.reshape(-1, way, len(indices))
    columns = choose(example_words, table.counts[classes], each, most_examples)
    rows = table.members.reshape(-1)[classes[None] * most_examples + columns]  # [each, way, batch]
    supports, queries = rows[:most_shot], rows[most_shot:]
    if not shape.uneven:
        query_y, before = interleave(order, way, shape.query)
        support = supports.swapaxes(0, 1).reshape(shape.supports, -1)
        support_y = jnp.repeat(jnp.arange(way, dtype=jnp.int32), shape.shot)[:, None]
    else:
        of_support = numbers(shares[0], way, shape.shot, shape.shot_spread)
        of_query = numbers(shares[1], way, shape.query, shape.query_spread)
        query_y, before = in_random_order(order, of_query, shape.queries)
        support_y, place = by_label(of_support, shape.supports)
        support = _picked(supports, place, support_y)
    return Indices(
        classes=classes.T,
        support=support.T,
        support_y=jnp.broadcast_to(support_y, support.shape).T,
        query=_picked(queries, before, query_y).T,
        query_y=query_y.T,
    )


def _picked(rows: jax.Array, place: jax.Array, label: jax.Array) -> jax.Array:
    """Of `rows` [examples, way, batch] those at `place` of the class `label`: [any, batch]."""
    way = rows.shape[1]
    return jnp.take_along_axis(rows.reshape(-1, rows.shape[2]), place * way + label, axis=0)


def _classes(
    pool_word: jax.Array, class_words: jax.Array, table: ClassTable, way: int
) -> jax.Array:
    """Rows of `table.members`, int32 [way, batch], drawn from all classes or from one pool."""
    lanes, most = class_words.shape[1:], table.members.shape[0]
    if table.pools is None:
        return choose(class_words, jnp.full(lanes, most, jnp.int32), way, most)
    number = len(table.pools.counts)
    pool = below(pool_word, jnp.full((1, *lanes), number, jnp.int32), number)[0]
    within = choose(class_words, table.pools.counts[pool], way, most)
    return table.pools.members[pool[None, :], within]


def gather(indices: Indices, table: ClassTable) -> Episode:
    """The episode with these `indices` (any leading axes); images stay uint8."""
    return Episode(
        support_x=table.images[indices.support],
        support_y=indices.support_y,
        query_x=table.images[indices.query],
        query_y=indices.query_y,
        class_ids=table.class_ids[indices.classes],
    )


def sample(
    key: jax.Array, index: jax.Array | int, table: ClassTable, shape: EpisodeShape
) -> Episode:
    """Episode `index` of the stream `key`: uint8 images, permuted labels, shuffled queries."""
    return gather(sample_indices(key, index, table, shape), table)


def sample_batch(
    key: jax.Array, indices: jax.Array, table: ClassTable, shape: EpisodeShape
) -> Episode:
    """Episodes `indices` [batch]; element j of the leading axis is `sample(key, indices[j])`."""
    return gather(sample_index_batch(key, indices, table, shape), table)


_index_batch = jax.jit(sample_index_batch, static_argnames="shape")


def episode_digest(seed: int, table: ClassTable, shape: EpisodeShape, episodes: int) -> str:
    """sha256 over the index arrays of episodes 0 … `episodes`-1, which identifies them.

    It is computed over the global class ids, image rows and labels, as little-endian int32,
    and is equal on every device and for every batch size.
    """
    digest = hashlib.sha256()
    for start in range(0, episodes, 256):
        batch = jnp.arange(start, start + 256)
        found = _index_batch(root_key(seed), batch, table, shape)
        found = found._replace(classes=table.class_ids[found.classes])
        rows = np.concatenate([np.asarray(leaf) for leaf in found], axis=1)
        digest.update(rows[: episodes - start].astype("<i4").tobytes())
    return digest.hexdigest()
