"""Draws from random words: exact against Python's whole numbers, uniform, without repetition."""

from collections import Counter
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from metabench.tasks.draws import below, choose, interleave, words_needed

UNLIKELY = 1e-4  # a uniform sampler fails a test once in 10,000 seeds, and the seed is fixed
WORD = st.integers(0, 2**32 - 1) | st.sampled_from([0, 2**32 - 1])
LANES = 60_000

compiled_below = jax.jit(below, static_argnums=2)
compiled_choose = jax.jit(choose, static_argnums=(2, 3))
compiled_interleave = jax.jit(interleave, static_argnums=(1, 2))


def words(number, seed):
    return jax.random.bits(jax.random.key(seed, impl="threefry2x32"), (number, LANES), jnp.uint32)


def reference_below(word_list, bounds, share):
    """The same with integers of any length: each draw takes the top of a 32-bit fraction."""
    found, fraction = [], 0
    for number, bound in enumerate(bounds):
        if number % share == 0:
            fraction = word_list[number // share]
        found.append(fraction * bound >> 32)
        fraction = fraction * bound & 0xFFFFFFFF
    return found


@pytest.mark.parametrize(("draws", "most", "wanted"), [(7, 1, 7), (16, 20, 6), (75, 75, 38)])
def test_small_draws_share_a_word(draws, most, wanted):
    assert words_needed(draws, most) == wanted


@pytest.mark.parametrize(
    ("most", "share"), [(2, 4), (20, 3), (75, 2), (300, 1), (2**16, 1), (2**31 - 1, 1)]
)
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_below_is_exact(most, share, data):
    bounds = data.draw(st.lists(st.integers(1, most), min_size=7, max_size=7), "bounds")
    needed = words_needed(7, most)
    drawn = data.draw(st.lists(WORD, min_size=needed, max_size=needed), "words")
    found = compiled_below(jnp.array(drawn, jnp.uint32), jnp.array(bounds, jnp.int32), most)
    assert found.tolist() == reference_below(drawn, bounds, share)


def test_draws_that_share_a_word_are_uniform_together():
    bounds = jnp.broadcast_to(jnp.array([[5], [4], [3]]), (3, LANES))
    a, b, c = np.asarray(compiled_below(words(1, 0), bounds, 20))
    counts = np.bincount(a + 5 * b + 20 * c, minlength=60)
    assert len(counts) == 60
    assert chisquare(counts).pvalue > UNLIKELY


def fisher_yates(targets, n):
    """The stopped shuffle, with its array; `targets` count from each swap's own position."""
    array = list(range(n))
    for t, ahead in enumerate(targets):
        array[t], array[t + ahead] = array[t + ahead], array[t]
    return array[: len(targets)]


@pytest.mark.parametrize("most", [2**7 - 1, 2**7, 2**15 - 1, 2**15, 2**24])
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_choose_is_the_stopped_shuffle(most, data):
    k = data.draw(st.sampled_from([1, 2, 5, 8]), "k")
    n = data.draw(st.integers(k, 40) | st.integers(k, min(most, 10**5)), "n")
    needed = words_needed(k, most)
    drawn = jnp.array(data.draw(st.lists(WORD, min_size=needed, max_size=needed)), jnp.uint32)
    found = compiled_choose(drawn, jnp.int32(n), k, most)
    targets = compiled_below(drawn, n - jnp.arange(k), most).tolist()
    assert found.tolist() == fisher_yates(targets, n)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 1), (4, 2), (4, 4), (5, 3)])
def test_all_ordered_subsets_are_equally_likely(n, k):
    drawn = words(words_needed(k, n), n)
    found = np.asarray(compiled_choose(drawn, jnp.full(LANES, n), k, n)).T
    codes = found @ n ** np.arange(k)
    expected = {int(np.dot(p, n ** np.arange(k))) for p in permutations(range(n), k)}
    seen, counts = np.unique(codes, return_counts=True)
    assert set(seen.tolist()) == expected
    assert len(expected) == 1 or chisquare(counts).pvalue > UNLIKELY


def test_each_lane_may_choose_from_another_number():
    n = jnp.tile(jnp.array([3, 9]), LANES // 2)
    found = np.asarray(compiled_choose(words(words_needed(3, 9), 1), n, 3, 9))
    assert set(found[:, ::2].ravel().tolist()) == set(range(3))
    assert set(found[:, 1::2].ravel().tolist()) == set(range(9))


@pytest.mark.parametrize(("kinds", "each"), [(1, 3), (3, 1), (2, 3), (3, 2)])
def test_all_orders_of_the_kinds_are_equally_likely(kinds, each):
    total = kinds * each
    found, before = compiled_interleave(words(words_needed(total, total), 2), kinds, each)
    orders = Counter(map(tuple, np.asarray(found).T.tolist()))
    assert set(orders) == set(permutations([kind for kind in range(kinds) for _ in range(each)]))
    assert len(orders) == 1 or chisquare(list(orders.values())).pvalue > UNLIKELY
    for place in range(total):
        rank = (np.asarray(found[:place]) == np.asarray(found[place])).sum(0)
        np.testing.assert_array_equal(before[place], rank)


def test_the_program_of_an_order_does_not_grow_with_the_kinds():
    few, many = (
        len(compiled_interleave.lower(words(words_needed(n, n), 2), n, 1).as_text().splitlines())
        for n in (5, 300)
    )
    assert many < few + 40  # the bounds of drawn numbers decide how many share a word
