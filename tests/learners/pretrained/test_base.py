"""Pretraining on all classes: class ids, nearest means, both baselines."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import registry
from metabench.errors import UserError
from metabench.learners.pretrained.base import cosines, labelled, means_of
from metabench.learners.pretrained.baseline import baseline
from metabench.learners.pretrained.baseline_pp import Vectors, baseline_pp, scale_for
from metabench.types import Episode, EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=2, shot=1, query=3)
SMALL = EpisodeShape(way=2, shot=1, query=3, image=(16, 16, 1))


def test_images_go_with_their_global_classes():
    episodes = Episode(
        support_x=jnp.asarray([[10, 20], [30, 40]], jnp.uint8).reshape(2, 2, 1, 1, 1),
        support_y=jnp.asarray([[0, 1], [1, 0]]),
        query_x=jnp.asarray([[11], [31]], jnp.uint8).reshape(2, 1, 1, 1, 1),
        query_y=jnp.asarray([[0], [1]]),
        class_ids=jnp.asarray([[7, 3], [5, 9]]),
    )
    images, classes = labelled(episodes)
    found = dict(zip(images.reshape(-1).tolist(), classes.tolist(), strict=True))
    assert found == {10: 7, 20: 3, 11: 7, 30: 9, 40: 5, 31: 9}


def test_cosines_by_hand():
    found = cosines(jnp.asarray([[2.0, 0.0], [3.0, 4.0]]), jnp.asarray([[0.0, 5.0], [1.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.0, 0.8], [1.0, 0.6]], atol=1e-6)


def test_class_means_by_hand():
    features = jnp.asarray([[1.0, 0.2], [0.5, 1.0], [3.0, 0.4]])
    found = means_of(features, jnp.asarray([1, 0, 1]), 2)
    np.testing.assert_allclose(found, [[0.5, 1.0], [2.0, 0.3]], rtol=1e-6)


def test_a_factor_for_each_class_multiplies_its_cosine_and_the_length_plays_no_part():
    vectors, features = jnp.asarray([[2.0, 0.0], [3.0, 4.0]]), jnp.asarray([[0.0, 5.0]])
    with_factors = Vectors(vectors, jnp.asarray([0.5, 3.0])).logits(features, scale=2.0)
    np.testing.assert_allclose(with_factors, [[0.0, 2 * 3 * 0.8]], atol=1e-5)
    alone = Vectors(7 * vectors, None).logits(features, scale=2.0)
    np.testing.assert_allclose(alone, [[0.0, 1.6]], atol=1e-5)


def test_the_scale_of_the_cosines_is_that_of_the_authors_unless_it_is_given():
    assert [scale_for(None, classes) for classes in (5, 200, 201, 4112)] == [2, 2, 10, 10]
    assert [scale_for(3.5, classes) for classes in (5, 4112)] == [3.5, 3.5]


@pytest.mark.parametrize("factory", [baseline, baseline_pp])
def test_shapes(factory):
    assert factory(SHAPE).training.shape is None
    found = factory(SHAPE, train_way=60, train_query=1, train_shot=2).training.shape
    assert found == EpisodeShape(way=60, shot=2, query=1)
    state = jax.eval_shape(factory(SHAPE, classes=11).init, jax.random.key(0))
    assert any(11 in leaf.shape for leaf in jax.tree.leaves(state.params["head"]))


@pytest.mark.parametrize("factory", [baseline, baseline_pp])
def test_a_layer_is_fitted_unless_nearest_means_are_asked_for(factory):
    images = jax.random.bits(jax.random.key(1), (2, 16, 16, 1), jnp.uint8)
    found = {}
    for fit in ("layer", "nearest_means"):
        learner = factory(SMALL, classes=4, width=2, fit_epochs=2, fit=fit)
        state = jax.jit(learner.init)(jax.random.key(0))
        task = learner.adapt(state, images, jnp.asarray([1, 0]), jax.random.key(2))
        found[fit] = learner.predict(task, images)
        other = learner.adapt(state, images, jnp.asarray([1, 0]), jax.random.key(3))
        drawn = not np.allclose(found[fit], learner.predict(other, images))
        assert drawn == (fit == "layer")  # the first weights and the order of the supports
    np.testing.assert_allclose(found["nearest_means"].max(1), 1, rtol=1e-4)  # cosines
    default = factory(SMALL, classes=4, width=2, fit_epochs=2)
    task = default.adapt(state, images, jnp.asarray([1, 0]), jax.random.key(2))
    np.testing.assert_array_equal(default.predict(task, images), found["layer"])


@pytest.mark.parametrize("factory", [baseline, baseline_pp])
def test_one_training_serves_all_ways_of_fitting(factory):
    assert registry.only_in_test(factory) == (
        "fit", "fit_epochs", "fit_batch", "fit_rate", "passes",
    )  # fmt: skip


def test_class_factors_are_learned_where_they_are_asked_for():
    for factors in (True, False):
        learner = baseline_pp(SMALL, classes=6, width=2, class_factors=factors)
        head = jax.eval_shape(learner.init, jax.random.key(0)).params["head"]
        shapes = sorted(leaf.shape for leaf in jax.tree.leaves(head))
        assert shapes == ([(6,), (6, 2)] if factors else [(6, 2)])


@pytest.mark.parametrize("factory", [baseline, baseline_pp])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"classes": 0}, "`classes` is 0; it must be at least 1"),
        ({"fit": "means"}, "`fit` is 'means'; it must be one of: layer, nearest_means"),
        ({"fit_epochs": 0}, "`fit_epochs` is 0; it must be at least 1"),
        ({"fit_batch": 0}, "`fit_batch` is 0; it must be at least 1"),
        ({"fit_rate": 0.0}, "`fit_rate` is 0.0; it must be positive"),
        ({"width": 0}, "`width` is 0"),
    ],
)
def test_wrong_options(factory, options, sentence):
    with pytest.raises(UserError, match=sentence):
        jax.eval_shape(factory(SHAPE, **options).init, jax.random.key(0))


def test_the_scale_is_positive():
    with pytest.raises(UserError, match=r"`scale` is 0\.0; it must be positive"):
        baseline_pp(SHAPE, scale=0.0)
