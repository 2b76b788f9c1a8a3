"""Addressing against examples worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.memory import addressing


def array(*rows):
    return jnp.asarray(rows, jnp.float32)


def test_cosines_do_not_depend_on_length_and_blank_rows_give_zero():
    memory = array([2, 0], [3, 4], [0, 0])
    np.testing.assert_allclose(
        addressing.cosines(array([5, 0], [0, -1]), memory),
        [[1, 0.6, 0], [0, -0.8, 0]],
        atol=1e-6,
    )


def test_content_is_a_softmax_over_rows():
    found = addressing.by_content(array([1, 0]), array([1, 0], [0, 1]))
    np.testing.assert_allclose(found, [[np.e / (np.e + 1), 1 / (np.e + 1)]], rtol=1e-6)
    sharp = addressing.by_content(array([1, 0]), array([1, 0], [0, 1]), jnp.float32([3]))
    np.testing.assert_allclose(sharp[0, 0] / sharp[0, 1], np.exp(3), rtol=1e-5)


def test_as_many_rows_are_least_used_as_there_are_heads():
    least = addressing.least_used(jnp.float32([0.5, 0.1, 0.9, 0.2]), 2)
    np.testing.assert_array_equal(least.every, [[0, 1, 0, 1]])
    np.testing.assert_array_equal(least.own, [[0, 1, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(least.first, [0, 1, 0, 0])


def test_among_equally_used_rows_the_first_are_taken():
    least = addressing.least_used(jnp.float32([0.3, 0, 0, 0]), 2)
    np.testing.assert_array_equal(least.every, [[0, 1, 1, 0]])
    np.testing.assert_array_equal(least.first, [0, 1, 0, 0])


def test_write_weights_lie_between_read_and_least_used():
    read, least = array([0.5, 0.5, 0], [1, 0, 0]), array([0, 0, 1])
    alpha = jnp.float32([0, np.log(3)])  # shares 1/2 and 3/4
    found = addressing.between(alpha, read, least)
    np.testing.assert_allclose(found, [[0.25, 0.25, 0.5], [0.75, 0, 0.25]], rtol=1e-6)


def test_writing_wipes_the_least_used_row_first():
    memory, weights = array([1, 1], [2, 2], [3, 3]), array([0, 0.5, 1], [0, 0, 0.25])
    keys, wiped = array([10, 0], [0, 4]), jnp.float32([0, 0, 1])
    np.testing.assert_allclose(
        addressing.write(memory, weights, keys, wiped), [[1, 1], [7, 2], [10, 1]]
    )


def test_usage_decays_and_adds_what_is_read_and_written():
    read, written = array([0.25, 0.75], [1, 0]), array([0, 1], [0.5, 0.5])
    found = addressing.use(jnp.float32([1, 2]), 0.95, read, written)
    np.testing.assert_allclose(found, [0.95 + 1.25 + 0.5, 1.9 + 0.75 + 1.5], rtol=1e-6)


def test_no_gradient_passes_through_usage():
    def choice(usage):
        after = addressing.use(usage, 0.9, array([1, 0]), array([0, 1]))
        return after.sum() + addressing.least_used(usage, 1).every[0] @ usage

    gradient = jax.grad(choice)(jnp.float32([1, 2]))
    np.testing.assert_array_equal(gradient, [1, 0])  # of `@ usage` alone


def test_shifts_are_circular():
    weights = array([0.7, 0.2, 0.1])
    np.testing.assert_allclose(addressing.shift(weights, array([0, 0, 1])), [[0.1, 0.7, 0.2]])
    np.testing.assert_allclose(addressing.shift(weights, array([1, 0, 0])), [[0.2, 0.1, 0.7]])
    np.testing.assert_allclose(
        addressing.shift(weights, array([0.5, 0.5, 0])), [[0.45, 0.15, 0.4]], rtol=1e-6
    )


def test_sharpening_raises_to_a_power():
    found = addressing.sharpen(array([0.6, 0.3, 0.1]), jnp.float32([2]))
    np.testing.assert_allclose(found, np.array([[36, 9, 1]]) / 46, rtol=1e-5)


def test_location_is_gate_then_shift_then_sharpening():
    found = addressing.by_location(
        array([1, 0, 0]), array([0, 1, 0]), jnp.float32([0.8]), array([0, 0, 1]), jnp.float32([2])
    )
    np.testing.assert_allclose(found, np.array([[0, 0.64, 0.04]]) / 0.68, atol=1e-6)


def test_all_erasures_come_before_all_additions():
    weights, erase = array([1, 0], [0.5, 0.5]), array([0.5, 0], [1, 0])
    found = addressing.erase_and_add(array([8, 8], [8, 8]), weights, erase, array([1, 0], [0, 2]))
    np.testing.assert_allclose(found, [[8 * 0.5 * 0.5 + 1, 8 + 1], [8 * 0.5, 8 + 1]])


@pytest.mark.parametrize("rows", [3, 128])
def test_weights_sum_to_one(rows):
    keys, memory = (jax.random.normal(jax.random.key(i), (n, 5)) for i, n in ((0, 2), (1, rows)))
    content = addressing.by_content(keys, memory)
    before = jnp.full((2, rows), 1 / rows)
    shifts, ones = jnp.full((2, 3), 1 / 3), jnp.ones(2)
    location = addressing.by_location(content, before, ones * 0.3, shifts, ones * 4)
    np.testing.assert_allclose(content.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(location.sum(1), 1, rtol=1e-5)
