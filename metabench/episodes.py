"""The episode sampler: `sample(key, index, table, shape) -> Episode`, pure and jit-able.

Episode `i` is a function of (key, i, table, shape) alone. Batch size and device
change nothing, any episode can be replayed by itself, and every learner meets the
same ones. Choosing k of n costs O(k) random numbers: nothing is shuffled whole.
No I/O and no models here.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.types import ClassTable, Episode, EpisodeShape

PRNG = "threefry2x32"  # named, so that no change of jax's default moves an episode


class Indices(NamedTuple):
    """An episode as indices into a class table, int32."""

    classes: jax.Array  # [way] rows of `table.members`
    support: jax.Array  # [way * shot] rows of `table.images`
    support_y: jax.Array
    query: jax.Array  # [way * query]
    query_y: jax.Array


def root_key(seed: int) -> jax.Array:
    """The key that all episodes of `seed` are folded from."""
    return jax.random.key(seed, impl=PRNG)


def choose(bits: jax.Array, n: jax.Array, most: int) -> jax.Array:
    """Draw k of 0 … n-1 without replacement, in random order.

    The Fisher–Yates shuffle stopped after k swaps, its array never built: swap t
    exchanges position t with one drawn from t … n-1, and each lane i > t that
    looks at either position takes note.

    Args:
      bits: uint32 [..., k], uniform.
      n: int32 [...], how many there are to choose from; k <= n <= most.
      most: a bound on n that is known when compiling, below 2**24.

    Returns:
      int32 [..., k], distinct along the last axis.
    """
    k = bits.shape[-1]
    step = jnp.arange(k, dtype=jnp.int32).reshape((1,) * n.ndim + (k,))
    left = n[..., None] - step
    # 24 bits are exact in float32, so the product is the same on every device; the
    # bias is below n / 2**24. It could round up to `left`, hence the minimum.
    unit = (bits >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)
    target = step + jnp.minimum((unit * left.astype(jnp.float32)).astype(jnp.int32), left - 1)
    narrow = jnp.int16 if most < 2**15 else jnp.int32  # twice the lanes in a register
    step, target = step.astype(narrow), target.astype(narrow)

    def swap(t: jax.Array, lanes: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        # `held`: what lane i will draw; `own`: what position i holds by now.
        held, own = lanes
        drawn = jax.lax.dynamic_index_in_dim(target, t, axis=-1)
        moved = jax.lax.dynamic_index_in_dim(own, t, axis=-1)
        later = step > t.astype(narrow)
        return (
            jnp.where(later & (target == drawn), moved, held),
            jnp.where(later & (step == drawn), moved, own),
        )

    lanes = (target, jnp.broadcast_to(step, target.shape))
    return jax.lax.fori_loop(0, k, swap, lanes)[0].astype(jnp.int32)


def sample_indices(
    key: jax.Array, index: jax.Array | int, table: ClassTable, shape: EpisodeShape
) -> Indices:
    """Episode `index` of the stream `key`, as indices into `table`.

    Labels are a random permutation of the classes (the draw itself is in random
    order), supports stand label by label, queries are shuffled.
    """
    way, each = shape.way, shape.shot + shape.query
    count = way * (1 + each) + shape.queries
    bits = jax.random.bits(jax.random.fold_in(key, index), (count,), jnp.uint32)
    class_bits, example_bits, order_bits = jnp.split(bits, [way, way * (1 + each)])
    most_classes, most_examples = table.members.shape
    classes = choose(class_bits, jnp.int32(most_classes), most_classes)
    columns = choose(example_bits.reshape(way, each), table.counts[classes], most_examples)
    rows = table.members[classes[:, None], columns]
    labels = jnp.broadcast_to(jnp.arange(way, dtype=jnp.int32)[:, None], rows.shape)
    order = choose(order_bits, jnp.int32(shape.queries), shape.queries)
    return Indices(
        classes=classes,
        support=rows[:, : shape.shot].reshape(-1),
        support_y=labels[:, : shape.shot].reshape(-1),
        query=rows[:, shape.shot :].reshape(-1)[order],
        query_y=labels[:, shape.shot :].reshape(-1)[order],
    )


def gather(indices: Indices, table: ClassTable) -> Episode:
    """The episode behind `indices` (any leading axes): images stay uint8."""
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
    one = partial(sample_indices, key, table=table, shape=shape)
    return gather(jax.vmap(one)(indices), table)


@partial(jax.jit, static_argnames="shape")
def _index_batch(
    key: jax.Array, indices: jax.Array, table: ClassTable, shape: EpisodeShape
) -> Indices:
    return jax.vmap(lambda i: sample_indices(key, i, table, shape))(indices)


def episode_digest(seed: int, table: ClassTable, shape: EpisodeShape, episodes: int) -> str:
    """sha256 over the index arrays of episodes 0 … `episodes`-1: which were met.

    Over the global class ids, image rows and labels, as little-endian int32. Equal
    on every device and for every batch size.
    """
    digest = hashlib.sha256()
    for start in range(0, episodes, 256):
        batch = jnp.arange(start, start + 256)
        found = _index_batch(root_key(seed), batch, table, shape)
        found = found._replace(classes=table.class_ids[found.classes])
        rows = np.concatenate([np.asarray(leaf) for leaf in found], axis=1)
        digest.update(rows[: episodes - start].astype("<i4").tobytes())
    return digest.hexdigest()
