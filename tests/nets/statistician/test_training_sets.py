"""What is told of training sets: changes that were asked for, and who informs a context."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.statistician.training_sets import TrainingSets

pytestmark = pytest.mark.slow

SETS = jnp.asarray(np.random.default_rng(0).uniform(size=(8, 5, 6, 6, 1)), jnp.float32)
SAME = TrainingSets(
    rotate=False,
    reflect=False,
    dilate=0.0,
    binarise=False,
    drop=0.0,
    distort=0.0,
    distort_chance=1.0,
)
KEY = jax.random.key(0)


def test_images_are_changed_only_as_told():
    for change in (SAME.of_sets, SAME.of_images):
        np.testing.assert_array_equal(change(KEY, SETS), SETS)
    for name, value in {"rotate": True, "reflect": True}.items():
        changed = SAME._replace(**{name: value})
        assert not np.array_equal(changed.of_sets(KEY, SETS), SETS)
        np.testing.assert_array_equal(changed.of_images(KEY, SETS), SETS)
    for name, value in {"dilate": 1.0, "binarise": True}.items():
        changed = SAME._replace(**{name: value})
        np.testing.assert_array_equal(changed.of_sets(KEY, SETS), SETS)
        assert not np.array_equal(changed.of_images(KEY, SETS), SETS)


def test_members_inform_the_context_of_their_own_set():
    x, member, informants = SAME(KEY, SETS)
    assert informants is None
    np.testing.assert_array_equal(x, SETS)
    np.testing.assert_array_equal(member, np.kron(np.eye(8), np.ones((1, 5))))


def test_distorted_copies_stand_in_for_those_who_stay():
    x, member, informants = SAME._replace(drop=0.5, distort=1e-6)(KEY, SETS)
    np.testing.assert_array_equal(x, SETS)
    assert informants.shape[0] == member.shape[1] < 40
    flat = np.asarray(SETS).reshape(40, -1)
    for place, row in enumerate(np.asarray(informants).reshape(len(informants), -1)):
        nearest = np.abs(flat - row).max(1).argmin()
        assert np.abs(flat[nearest] - row).max() < 1e-4
        assert set(np.flatnonzero(member[:, place])) <= {nearest // 5}
    assert (np.asarray(member).sum(1) >= 1).all()
    moved = SAME._replace(drop=0.5, distort=1.0)(KEY, SETS).informants
    assert np.abs(np.asarray(moved - informants)).reshape(len(moved), -1).max(1).min() > 0.01


def test_a_share_of_the_informants_are_copies_and_the_others_the_members_themselves():
    changed = SAME._replace(drop=0.5, dilate=0.5, binarise=True, distort=1.0)
    for chance, low, high in ((0.0, 1.0, 1.0), (0.5, 0.2, 0.8), (1.0, 0.0, 0.0)):
        x, _, informants = changed._replace(distort_chance=chance)(KEY, SETS)
        members = {np.asarray(image).tobytes() for image in x.reshape(40, -1)}
        same = [np.asarray(image).tobytes() in members for image in informants]
        assert low <= np.mean(same) <= high
