"""Greedy summaries against all that could have been taken."""

from itertools import combinations

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.nets.statistician.gaussians import Gaussian, kl
from metabench.tracks.statistician.summaries import summarise

VALUES = jnp.asarray([[0.0, 5.0], [1.0, 1.0], [2.0, 0.0], [-3.0, 2.0], [9.0, -1.0]])


def posterior(subsets):
    """Mean of the members; the more there are the surer."""
    counts = subsets.sum(1, keepdims=True)
    mean = subsets @ VALUES / counts
    return Gaussian(mean, jnp.broadcast_to(-jnp.log(counts), mean.shape))


def divergence(chosen):
    row = jnp.zeros((1, 5)).at[0, jnp.asarray(chosen)].set(1.0)
    return float(kl(posterior(jnp.ones((1, 5))), posterior(row))[0])


def test_every_member_taken_is_the_best_next_one():
    found = summarise(posterior, 5, 5)
    order = np.asarray(found.members).tolist()
    assert sorted(order) == [0, 1, 2, 3, 4]
    for size in range(1, 6):
        others = [m for m in range(5) if m not in order[: size - 1]]
        best = min(divergence([*order[: size - 1], one]) for one in others)
        np.testing.assert_allclose(found.divergence[size - 1], best, atol=1e-5)
        np.testing.assert_allclose(divergence(order[:size]), best, atol=1e-5)
    np.testing.assert_allclose(found.divergence[-1], 0, atol=1e-6)


def test_every_member_discarded_is_the_one_that_is_missed_least():
    found = summarise(posterior, 5, 5, "discard")
    order = np.asarray(found.members).tolist()
    assert sorted(order) == [0, 1, 2, 3, 4]
    for size in range(1, 5):
        larger = order[: size + 1]
        best = min(divergence([m for m in larger if m != one]) for one in larger)
        np.testing.assert_allclose(found.divergence[size - 1], best, atol=1e-5)
        np.testing.assert_allclose(divergence(order[:size]), best, atol=1e-5)
    np.testing.assert_allclose(found.divergence[-1], 0, atol=1e-6)
    six = summarise(posterior, 5, 2, "discard")
    assert six.members.tolist() == order[:2]
    taken = summarise(posterior, 5, 2, "take")
    assert sorted(taken.members.tolist()) != sorted(order[:2])  # the two ways differ here
    with pytest.raises(UserError, match="`greedy` is 'both'; it must be one of: discard, take"):
        summarise(posterior, 5, 2, "both")


def test_a_summary_is_better_than_most_subsets():
    found = summarise(posterior, 5, 2)
    all_pairs = sorted(divergence(pair) for pair in combinations(range(5), 2))
    assert float(found.divergence[-1]) <= all_pairs[2] + 1e-5


@pytest.mark.parametrize("size", [0, 6])
def test_sizes_that_make_no_sense(size):
    with pytest.raises(UserError, match=f"`size` is {size}; it must be from 1 to 5"):
        summarise(posterior, 5, size)
