"""How many images each class of an uneven episode has: between two ends, with a fixed total.

An episode of `way` classes has `way * mean` images, whatever their shares are, so that arrays keep
their shapes under jit and nothing is padded. The classes are drawn in pairs, and three of an odd
number together: within such a group the sum is fixed, and the number of each class alone is
uniform between the ends. Which classes make a group is drawn too. Everything is computed in
integers, along the axes of `metabench.tasks.draws`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.tasks.draws import below, choose, words_needed


def number_words(way: int, spread: int) -> int:
    """How many random words `numbers` needs."""
    return words_needed(way // 2, 2 * spread + 1) + words_needed(way, way) if spread else 0


def numbers(words: jax.Array, way: int, mean: int, spread: int) -> jax.Array:
    """How many images each class has: int32 [way, ...], which sum up to `way * mean`.

    The number of each class is uniform on `mean - spread` … `mean + spread`.

    Args:
      words: uint32 [number_words(way, spread), ...], uniform.
      way: how many classes, at least 2.
      mean: of the ends.
      spread: half the distance of the ends; with 0 every class has `mean`.
    """
    lanes = words.shape[1:]
    if not spread:
        return jnp.full((way, *lanes), mean, jnp.int32)
    groups, ends = way // 2, 2 * spread + 1
    drawing, order = jnp.split(words, [words_needed(groups, ends)])
    drawn = below(drawing, jnp.full((groups, *lanes), ends, jnp.int32), ends)
    pairs = drawn[way % 2 :]
    parts = [pairs, 2 * spread - pairs, *(_three(drawn[:1], spread) if way % 2 else ())]
    found = mean - spread + jnp.concatenate(parts)
    places = choose(order, jnp.full(lanes, way, jnp.int32), way, way)
    return jnp.take_along_axis(found, places, axis=0)


def _three(one: jax.Array, spread: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Three numbers of 0 … 2 * spread, each uniform where `one` is, whose sum is 3 * spread.

    Even numbers 0, 2, … go with `spread`, `spread - 1`, … and odd ones 1, 3, … with 2 * spread,
    2 * spread - 1, …: so the second number and the rest take each value once.
    """
    half = one // 2
    other = jnp.where(one % 2 == 0, spread - half, 2 * spread - half)
    return one, other, 3 * spread - one - other


def by_label(found: jax.Array, total: int) -> tuple[jax.Array, jax.Array]:
    """The class in each place of an episode ordered by class, and how many of it come before.

    Args:
      found: int32 [way, ...], how many images each class has.
      total: their sum.

    Returns:
      Two arrays int32 [total, ...].
    """
    ends = jnp.cumsum(found, axis=0)
    place = jnp.arange(total, dtype=jnp.int32).reshape((total,) + (1,) * (found.ndim - 1))
    label = (place[None] >= ends[:, None]).sum(0, dtype=jnp.int32)
    return label, place - jnp.take_along_axis(ends - found, label, axis=0)


def in_random_order(words: jax.Array, found: jax.Array, total: int) -> tuple[jax.Array, jax.Array]:
    """As `by_label`, in an order of which all are equally likely.

    Args:
      words: uint32 [words_needed(total, total), ...], uniform.
      found: int32 [way, ...], how many images each class has.
      total: their sum.
    """
    order = choose(words, jnp.full(words.shape[1:], total, jnp.int32), total, total)
    label, before = (jnp.take_along_axis(row, order, axis=0) for row in by_label(found, total))
    return label, before
