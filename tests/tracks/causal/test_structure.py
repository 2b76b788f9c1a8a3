"""The regret of the structural parameter, and its gradient, against plain numbers."""

import math

import jax
import numpy as np
import pytest

from metabench.tracks.causal.structure import regret, regret_gradient

CASES = [(0.0, -3.0, -3.0), (0.0, -10.0, -12.5), (1.3, -4.0, -2.0), (-2.0, -50.0, -49.0)]


def by_hand(gamma, forward, backward):
    """In double precision, from the likelihoods themselves."""
    belief = 1 / (1 + math.exp(-gamma))
    return -math.log(belief * math.exp(forward) + (1 - belief) * math.exp(backward))


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_the_regret(case):
    gamma, forward, backward = case
    np.testing.assert_allclose(regret(*case), by_hand(*case), rtol=1e-5)
    step = 1e-5
    slope = (
        by_hand(gamma + step, forward, backward) - by_hand(gamma - step, forward, backward)
    ) / (2 * step)
    np.testing.assert_allclose(regret_gradient(*case), slope, atol=1e-5)
    np.testing.assert_allclose(jax.grad(regret)(*case), slope, atol=1e-5)


def test_the_gradient_vanishes_where_both_adapt_alike():
    assert regret_gradient(0.7, -5.0, -5.0) == 0
    assert regret_gradient(0.7, -5.0, -6.0) < 0 < regret_gradient(0.7, -6.0, -5.0)


def test_long_transfers_do_not_overflow():
    assert np.isfinite(regret(0.0, -1e4, -2e4))
    np.testing.assert_allclose(regret_gradient(0.0, -1e4, -2e4), -0.5)
