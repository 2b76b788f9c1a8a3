"""DropBlock: which numbers a square drops, how much is dropped, and that sums are kept."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.drop import drop_block, kept_of


def test_a_square_is_dropped_to_the_right_of_and_below_its_first_pixel():
    firsts = np.zeros((1, 3, 3, 1), bool)  # squares of 2 in maps of 4
    firsts[0, 0, 1, 0] = firsts[0, 2, 2, 0] = True
    expected = [[1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 0, 0], [1, 1, 0, 0]]
    np.testing.assert_array_equal(kept_of(jnp.asarray(firsts), 2)[0, :, :, 0], expected)


def test_the_share_that_is_dropped_and_the_scale_of_what_is_kept():
    ones = jnp.ones((64, 10, 10, 8))
    for size in (1, 5):
        found = np.asarray(drop_block(jax.random.key(size), ones, 0.1, size))
        dropped = (found == 0).mean()
        assert 0.08 < dropped < 0.102  # squares overlap
        np.testing.assert_allclose(found[found > 0], 1 / (1 - dropped), rtol=1e-5)


def test_squares_are_no_larger_than_the_map():
    found = np.asarray(drop_block(jax.random.key(0), jnp.ones((200, 2, 2, 1)), 0.5, 5))
    whole = found.reshape(200, -1)
    assert set(np.unique((whole == 0).sum(1))) == {0, 4}  # all of a map, or nothing
