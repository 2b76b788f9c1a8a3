"""Whole numbers from random words: below a bound, without replacement, in random order.

Everything is computed in integers, so it is equal on every device. The leading axis counts
the draws, and the axes after it are independent repetitions ("lanes"), so that one step of a
draw is one vector instruction over many episodes. Draws that are small enough share a word
(Brackett-Rozinsky & Lemire, "Batched ranged random integer generation", 2024).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

SHARED = 2**16  # draws share a word as long as the product of their bounds is below this


def words_needed(draws: int, most: int) -> int:
    """How many random words `below` needs for `draws` numbers with bounds up to `most`."""
    return -(-draws // _per_word(most))


def below(words: jax.Array, bounds: jax.Array, most: int) -> jax.Array:
    """Numbers in 0 … bound-1.

    No number is more likely than another by more than one part in 2**16 if words
    are shared, and by more than bound / 2**32 if they are not.

    Args:
      words: uint32 [words_needed(draws, most), ...], uniform.
      bounds: int32 [draws, ...], each from 1 to `most`.
      most: a bound on the bounds that is known when compiling.

    Returns:
      int32 [draws, ...].
    """
    draws, share = bounds.shape[0], _per_word(most)
    spare = jnp.ones((len(words) * share - draws, *bounds.shape[1:]), jnp.int32)
    filled = jnp.concatenate([bounds, spare]).astype(jnp.uint32)
    columns = []
    for column in range(share):
        bound = filled[column::share]
        columns.append(_high(words, bound))
        words = words * bound  # the rest of the word, after the number was taken out
    drawn = jnp.stack(columns, axis=1).reshape((-1, *columns[0].shape[1:]))
    return drawn[:draws].astype(jnp.int32)


def choose(words: jax.Array, n: jax.Array, k: int, most: int) -> jax.Array:
    """Draw k of 0 … n-1 without replacement, in random order.

    This is the Fisher–Yates shuffle, stopped after k swaps, without its array of n numbers:
    swap t exchanges position t with one drawn from t … n-1, and every later draw that looks
    at one of these positions is updated.

    Args:
      words: uint32 [words_needed(k, most), ...], uniform.
      n: int32 [...], how many there are to choose from; n <= most. Where n < k, the first n
        are all of them, and what follows means nothing.
      k: how many to draw.
      most: a bound on n that is known when compiling.

    Returns:
      int32 [k, ...], distinct along the first axis.
    """
    step = jnp.arange(k, dtype=jnp.int32).reshape((k,) + (1,) * n.ndim)
    target = step + below(words, jnp.maximum(n[None] - step, 1), most)
    narrow = _narrow(most)
    step, target = step.astype(narrow), target.astype(narrow)

    def swap(t: jax.Array, lanes: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        # `held`: the result of draw i; `own`: the number at position i after the swaps so far.
        held, own = lanes
        drawn = jax.lax.dynamic_index_in_dim(target, t, axis=0)
        moved = jax.lax.dynamic_index_in_dim(own, t, axis=0)
        later = step > t.astype(narrow)
        return (
            jnp.where(later & (target == drawn), moved, held),
            jnp.where(later & (step == drawn), moved, own),
        )

    lanes = (target, jnp.broadcast_to(step, target.shape))
    return jax.lax.fori_loop(0, k, swap, lanes)[0].astype(jnp.int32)


def interleave(words: jax.Array, kinds: int, each: int) -> tuple[jax.Array, jax.Array]:
    """A random order of `kinds` times `each` things; things of the same kind are equal.

    The kind in each place is drawn in proportion to how many things of it are left, so all
    orders are equally likely.

    Args:
      words: uint32 [words_needed(kinds * each, kinds * each), ...], uniform.
      kinds: how many kinds.
      each: how many things of each.

    Returns:
      The kind in each place, and how many things of that kind come before it: int32
      [kinds * each, ...].
    """
    total = kinds * each
    lanes = words.shape[1:]
    left = jnp.arange(total, 0, -1, dtype=jnp.int32).reshape((total,) + (1,) * len(lanes))
    drawn = below(words, jnp.broadcast_to(left, (total, *lanes)), total)
    number = jnp.arange(kinds, dtype=jnp.int32).reshape((kinds,) + (1,) * len(lanes))

    def place(up_to: jax.Array, draw: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        # `up_to`: how many of this kind and of those before it are not placed yet.
        passed = draw[None] >= up_to[:-1]
        kind = passed.sum(0, dtype=jnp.int32)
        of_those_before = jnp.where(passed, up_to[:-1], 0).max(0, initial=0)
        rest = jnp.where(number == kind[None], up_to, 0).sum(0) - of_those_before
        return up_to - (number >= kind[None]), (kind, each - rest)

    full = jnp.broadcast_to((number + 1) * each, (kinds, *lanes))
    return jax.lax.scan(place, full, drawn)[1]


def independent(words: jax.Array, kinds: int, number: int) -> tuple[jax.Array, jax.Array]:
    """`number` things, the kind of each drawn for itself; all kinds are equally likely.

    Args:
      words: uint32 [words_needed(number, kinds), ...], uniform.
      kinds: how many kinds.
      number: of things.

    Returns:
      The kind in each place, and how many things of that kind come before it: int32 [number, ...].
    """
    kind = below(words, jnp.full((number, *words.shape[1:]), kinds, jnp.int32), kinds)
    met = (kind[:, None] == kind[None]) & jnp.tri(number, k=-1, dtype=bool).reshape(
        (number, number) + (1,) * (kind.ndim - 1)
    )
    return kind, met.sum(1, dtype=jnp.int32)


def whole(images: jax.Array) -> jax.Array:
    """`images`, gathered before anything is done with them.

    XLA otherwise fuses the gathering with what follows, such as a change of shape, and then looks
    up every value by itself, which takes up to 50 times as long.
    """
    return jax.lax.optimization_barrier(images)


def _per_word(most: int) -> int:
    share = 1
    while most > 1 and most ** (share + 1) <= SHARED:
        share += 1
    return min(share, 4)


def _high(a: jax.Array, b: jax.Array) -> jax.Array:
    """The upper 32 of the 64 bits of a product, from products of halves."""
    a_low, a_high, b_low, b_high = a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16
    middle = a_high * b_low + ((a_low * b_low) >> 16)
    other = a_low * b_high + (middle & 0xFFFF)
    return a_high * b_high + (middle >> 16) + (other >> 16)


def _narrow(most: int) -> jnp.dtype:
    """The narrowest integers that can hold 0 … most: more lanes fit into a register."""
    for dtype in (jnp.int8, jnp.int16):
        if most <= jnp.iinfo(dtype).max:
            return jnp.dtype(dtype)
    return jnp.dtype(jnp.int32)
