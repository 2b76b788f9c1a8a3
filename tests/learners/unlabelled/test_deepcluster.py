"""DeepCluster: when clusters are made, what begins anew, who gives the labels, what is learned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.compute.native import use_native
from metabench.errors import UserError
from metabench.learners.unlabelled.deepcluster import HEAVIEST, Schedule, deepcluster, weights
from metabench.learners.unlabelled.k_means import Clusters
from metabench.seeds import root_key
from metabench.types import EpisodeShape
from tests.learners.unlabelled.unlabelled_training import assert_no_label_is_met

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(5, 1, 3, (16, 16, 1))
SMALL = {"width": 8, "clusters": 6, "components": 4, "bank": 40, "images": 16, "refresh": 3}


@pytest.fixture(scope="module")
def states():
    """The learner, and its states before and after seven steps on noise."""
    with use_native(True):
        learner = deepcluster(SHAPE, **SMALL)
        step = jax.jit(learner.training.step)
        found = [jax.jit(learner.init)(root_key(0))]
        for number in range(7):
            shape = (1, 16, *SHAPE.image)
            images = jax.random.bits(jax.random.fold_in(root_key(1), number), shape, jnp.uint8)
            found.append(step(found[-1], images, jax.random.fold_in(root_key(2), number))[0])
    return learner, found


def same(one, other):
    return all(
        np.array_equal(*leaves)
        for leaves in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


def test_the_bank_holds_the_last_images_met(states):
    _, found = states
    assert (found[2].bank[:32] != 0).any(axis=(1, 2, 3)).all()
    assert (found[2].bank[32:] == 0).all()
    np.testing.assert_array_equal(found[4].bank[16:32], found[3].bank[:16])
    assert found[4].bank.shape == (40, 16, 16, 1)


def test_nothing_is_learned_before_the_bank_is_full(states):
    _, found = states
    assert same(found[2].params, found[0].params)
    assert same(found[2].optimizer, found[0].optimizer)
    assert not same(found[3].params, found[2].params)


def test_clusters_are_made_by_the_network_as_it_was_and_then_stay(states):
    """The bank of 40 is full in the third step; three steps later it is clustered again."""
    _, found = states
    changed = [
        k for k in range(1, 8) if not same(found[k].teacher.clusters, found[k - 1].teacher.clusters)
    ]
    assert changed == [3, 6]
    assert same(found[6].teacher.params, found[5].params["backbone"])
    assert same(found[7].teacher, found[6].teacher)
    assert not same(found[7].teacher.params, found[7].params["backbone"])


def test_the_head_begins_anew_after_each_clustering_and_the_backbone_does_not(states):
    """Its first step is Adam's first, of one length whatever the gradient; later ones add up."""
    _, found = states
    moved = [float(jnp.abs(state.params["head"]["bias"]).max()) for state in found]
    assert moved[2] == 0
    assert 0 < moved[3] < moved[5]
    assert (
        found[6].optimizer[0].nu["head"]["bias"].max()
        < found[5].optimizer[0].nu["head"]["bias"].sum()
    )
    one_step = (1 - 0.999) * jnp.square(found[6].optimizer[0].mu["head"]["bias"] / (1 - 0.9))
    np.testing.assert_allclose(found[6].optimizer[0].nu["head"]["bias"], one_step, rtol=1e-3)
    backbone = found[6].optimizer[0].nu["backbone"]["blocks"][0]["kernel"]
    assert (backbone > 0.5 * found[5].optimizer[0].nu["backbone"]["blocks"][0]["kernel"]).all()


def test_no_cluster_of_the_bank_is_empty(states):
    learner, found = states
    teacher, bank = found[6].teacher, found[6].bank
    features = learner.embed(found[6]._replace(params={"backbone": teacher.params},
                                               stats=teacher.stats), bank)  # fmt: skip
    labels = teacher.clusters.nearest(teacher.whitening(features))
    shares = np.bincount(labels, minlength=6) / 40
    assert (shares > 0).all()
    np.testing.assert_allclose(teacher.clusters.shares, shares, atol=1e-6)


def test_when_clusters_are_due():
    due = [bool(Schedule(2, 2, 5).due(jnp.int32(step), 3)) for step in range(14)]
    assert [step for step, now in enumerate(due) if now] == [3, 8, 13]


def test_clusters_weigh_the_same_however_large_but_for_the_smallest():
    clusters = Clusters(jnp.zeros((4, 2)), jnp.asarray([0.5, 0.25, 0.2499, 0.0001]))
    found = weights(clusters, jnp.asarray([0, 1, 1, 3]))
    np.testing.assert_allclose(found, [0.5, 1, 1, HEAVIEST])


def test_no_label_is_met_in_training(strokes_table):
    shape = EpisodeShape(5, 1, 3)
    assert_no_label_is_met(deepcluster(shape, **SMALL), strokes_table["train"], 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clusters": 0}, "`clusters` is 0; it must be at least 1"),
        ({"components": 0}, "`components` is 0; it must be at least 1"),
        ({"refresh": 0}, "`refresh` is 0; it must be at least 1"),
        ({"bank": 499}, "`bank` is 499; it must be at least `clusters`, 500"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        deepcluster(SHAPE, **options)
