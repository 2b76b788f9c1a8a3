"""Swapout: the four kinds of unit by hand, the means of masks, and the rates by depth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.swapout import Rates, swapped

X, Y = jnp.full((4, 50, 50, 2), 2.0), jnp.full((4, 50, 50, 2), 3.0)


def test_rates_rise_linearly_with_depth():
    rates = Rates(0.0, 0.5)
    assert [rates.of(number, 5) for number in range(5)] == [0.0, 0.125, 0.25, 0.375, 0.5]
    assert rates.of(0, 1) == 0.0


@pytest.mark.parametrize(
    ("kind", "shares"),
    [
        # Θ₁x + Θ₂y with x = 2, y = 3, and each mask 0 in a quarter of the cases.
        ("swapout", {0: 1 / 16, 2: 3 / 16, 3: 3 / 16, 5: 9 / 16}),
        ("dropout", {0: 1 / 4, 5: 3 / 4}),
        ("residual", {5: 1.0}),
    ],
)
def test_a_unit_is_dropped_skipped_feed_forward_or_residual(kind, shares):
    found = np.asarray(swapped(X, Y, 0.25, kind, jax.random.key(0)))
    values, counts = np.unique(found, return_counts=True)
    assert set(values) == set(shares)
    for value, count in zip(values, counts, strict=True):
        assert abs(count / found.size - shares[value]) < 0.01
    expected = 5.0 if kind == "residual" else 0.75 * 5
    certain = swapped(X, Y, 0.25, kind, None)
    np.testing.assert_allclose(certain, np.full(X.shape, expected))
    assert abs(found.mean() - expected) < 0.03  # deterministic inference is the mean of the draws


def test_images_have_masks_of_their_own():
    found = swapped(X, Y, 0.5, "swapout", jax.random.key(0))
    assert not np.array_equal(found[0], found[1])
