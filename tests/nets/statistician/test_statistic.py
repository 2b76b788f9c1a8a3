"""Who a context is inferred from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.statistician.statistic import kept, membership, most_kept, those_kept

STAY = jnp.asarray([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


def test_the_first_member_always_stays_and_others_by_chance():
    stay = np.asarray(kept(jax.random.key(0), 500, 5, 0.8))
    assert (stay[:, 0] == 1).all()
    assert abs(stay[:, 1:].mean() - 0.2) < 0.03


def test_those_kept_count_for_their_sets_and_no_others_do():
    whole = np.asarray(membership(STAY))
    for most in (6, 7, 9):
        places, member = (np.asarray(part) for part in those_kept(STAY, most))
        assert len(set(places.tolist())) == most
        back = np.zeros_like(whole)
        back[:, places] = member
        np.testing.assert_array_equal(back, whole)


def test_every_set_keeps_its_first_member_where_not_all_can_be_picked():
    places, member = those_kept(STAY, 4)
    assert {0, 3, 6} < set(places.tolist())
    np.testing.assert_array_equal(np.sort(member.sum(1)), [1, 1, 2])


@pytest.mark.parametrize(("drop", "most"), [(1.0, 16), (0.0, 80)])
def test_all_or_one_of_each_set_are_picked_where_that_is_certain(drop, most):
    assert most_kept(16, 5, drop) == most


def test_as_good_as_all_that_stay_are_picked():
    most = most_kept(16, 5, 0.95)
    counts = np.asarray(
        jax.vmap(lambda key: kept(key, 16, 5, 0.95).sum())(jax.random.split(jax.random.key(0), 999))
    )
    assert counts.mean() + 4 < most < 30
    assert (counts <= most).mean() > 0.98
