"""Fractional max pooling: regions by hand and by the paper's formula, and maxima by a loop."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.fractional import (
    FINE,
    fractional_pool,
    pooled_between,
    pooled_size,
    pseudorandom_ends,
    random_ends,
)


def test_sizes():
    root = 2**0.5
    sizes = [28]
    for _ in range(6):
        sizes.append(pooled_size(sizes[-1], root, False))
    assert sizes == [28, 20, 14, 10, 7, 5, 4]
    assert pooled_size(25, root, True) == 18  # as in the paper: 25 to 18
    assert pooled_size(5, 1.9, True) == 3  # regions of one and two: more than half of the steps
    assert [pooled_size(size, root, False) for size in (1, 2, 3)] == [1, 2, 2]
    assert [pooled_size(size, root, True) for size in (1, 2, 3, 4)] == [1, 2, 3, 2]


def test_pseudorandom_regions_are_those_of_the_formula():
    """Section 2: a_i = ⌈α(i + u)⌉."""
    found = set()
    for seed in range(6):
        key = jax.random.key(seed)
        ends = np.asarray(pseudorandom_ends(key, 25, 18))
        u, alpha = int(jax.random.randint(key, (), 0, FINE)) / FINE, 25 / 18
        expected = np.array([math.ceil(alpha * (i + u) - 1e-9) for i in range(19)])
        np.testing.assert_array_equal(ends, expected - expected[0])
        assert (ends[0], ends[-1]) == (0, 25)
        assert set(np.diff(ends)) == {1, 2}
        found.add(tuple(ends))
    assert len(found) > 1


def test_random_regions_are_steps_of_one_and_two_in_any_order():
    found = {tuple(np.asarray(random_ends(jax.random.key(seed), 6, 4))) for seed in range(60)}
    steps = {tuple(np.diff(ends)) for ends in found}
    assert len(steps) == 6  # where the two twos stand among four
    assert {tuple(sorted(one)) for one in steps} == {(1, 1, 2, 2)}


@pytest.mark.parametrize(
    ("overlapping", "expected"),
    [(False, [5, 4, 8]), (True, [5, 4, 8])],
)
def test_maxima_by_hand(overlapping, expected):
    """Of 1 5 | 2 | 4 8 where regions end at 2, 3 and 5; overlapping ones share their ends."""
    if overlapping:  # 1 5 2 | 2 4 | 4 8: ends are numbers themselves
        line, ends = [1, 5, 2, 4, 8], [0, 2, 3, 4]
    else:
        line, ends = [1, 5, 4, 3, 8], [0, 2, 3, 5]
    x = jnp.asarray(line, jnp.float32)[None, :, None, None]
    found = pooled_between(x, jnp.asarray(ends), 1, overlapping)
    np.testing.assert_array_equal(found[0, :, 0, 0], expected)


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("regions", ["random", "pseudorandom"])
def test_maxima_of_maps_by_a_loop(regions, overlapping):
    x = jax.random.normal(jax.random.key(0), (2, 9, 7, 3))
    key = jax.random.key(1)
    found = fractional_pool(key, x, 1.4, regions=regions, overlapping=overlapping)
    ends_of = random_ends if regions == "random" else pseudorandom_ends
    ends = [
        np.asarray(ends_of(own, size - overlapping, pooled_size(size, 1.4, overlapping)))
        for own, size in zip(jax.random.split(key), (9, 7), strict=True)
    ]
    assert found.shape == (2, len(ends[0]) - 1, len(ends[1]) - 1, 3)
    for row in range(len(ends[0]) - 1):
        for column in range(len(ends[1]) - 1):
            top, below = ends[0][row], ends[0][row + 1] + overlapping
            left, right = ends[1][column], ends[1][column + 1] + overlapping
            window = np.asarray(x[:, top:below, left:right]).max((1, 2))
            np.testing.assert_array_equal(found[:, row, column], window)
