"""Two numbers for each: by hand, continuous where the cases meet, with finite gradients."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.preprocessing import preprocessed


def test_large_and_small_numbers_by_hand():
    x = jnp.array([np.exp(-3.0), -1.0, -np.exp(-12.0), 0.0])
    expected = [[-0.3, 1], [0, -1], [-1, -np.exp(-2.0)], [-1, 0]]
    np.testing.assert_allclose(preprocessed(x), expected, rtol=1e-5, atol=1e-6)


def test_the_cases_meet():
    p = 5.0
    below, above = (preprocessed(jnp.exp(-p) * factor, p) for factor in (0.9999, 1.0001))
    np.testing.assert_allclose(below, above, atol=1e-3)


def test_no_gradient_is_infinite():
    for x in (0.0, 1e-30, -1e-3, 1e3):
        assert np.isfinite(jax.jacobian(preprocessed)(x)).all()
