"""Worlds of two discrete variables: what a transfer distribution keeps and changes."""

import jax
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.tracks.causal.worlds import check_change, draw_training, draw_transfer


def parts(joint):
    """p(cause) and p(effect | cause)."""
    mass = np.exp(np.array(joint, np.float64))
    np.testing.assert_allclose(mass.sum(), 1, rtol=1e-5)
    cause = mass.sum(1)
    return cause, mass / cause[:, None]


@pytest.mark.parametrize(
    ("change", "kept"),
    [("cause", (False, True)), ("mechanism", (True, False)), ("all", (False,) * 2)],
)
def test_what_a_transfer_keeps(change, kept):
    joint = draw_training(jax.random.key(0), 4, change)
    transfer = draw_transfer(jax.random.key(1), joint, change)
    for same, before, after in zip(kept, parts(joint), parts(transfer), strict=True):
        assert np.allclose(before, after, rtol=1e-4) == same


def test_distributions_are_drawn_evenly():
    """A part of Dirichlet(1, 1, 1) is Beta(1, 2): mean 1/3, variance 1/18."""
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = jax.vmap(lambda key: draw_training(key, 3, "cause"))(keys)
    cause = np.exp(np.array(drawn)).sum(2)
    np.testing.assert_allclose(cause.mean(0), 1 / 3, atol=0.015)
    np.testing.assert_allclose(cause.var(0), 1 / 18, atol=0.005)


def test_an_unknown_change_is_named():
    with pytest.raises(UserError, match="`change` is 'effect'; it must be one of: cause, mech"):
        check_change("effect")
