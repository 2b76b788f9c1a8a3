"""Pretraining on all classes: global class ids, nearest means, fitted layers, both baselines."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.common.linear import Weights
from metabench.learners.pretrained.base import Fitting, cosines, fit, labelled
from metabench.learners.pretrained.baseline import baseline, nothing
from metabench.learners.pretrained.baseline_pp import baseline_pp, scaled
from metabench.types import Episode, EpisodeShape

SHAPE = EpisodeShape(way=2, shot=1, query=3)
FEATURES = jnp.asarray([[1.0, 0.2], [0.9, 0.1], [0.1, 1.0], [0.3, 0.8]])
LABELS = jnp.asarray([0, 0, 1, 1])
MEANS = jnp.asarray([[0.95, 0.15], [0.2, 0.9]])


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
    np.testing.assert_allclose(scaled(10.0, MEANS, MEANS).diagonal(), [10.0, 10.0], rtol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_a_fitted_layer_is_right_on_its_supports_and_lowers_their_error(kind):
    begin, score = {
        "linear": (nothing, Weights.logits),
        "cosine": (lambda means: -means, lambda layer, x: scaled(10.0, layer, x)),
    }[kind]  # the cosine layer begins on the wrong side
    before = score(begin(MEANS), FEATURES)
    after = score(fit(Fitting(begin, score, 100, 0.1), MEANS, FEATURES, LABELS), FEATURES)
    error = [-jax.nn.log_softmax(s)[jnp.arange(4), LABELS].mean() for s in (before, after)]
    assert error[1] < 0.5 * error[0]
    np.testing.assert_array_equal(after.argmax(-1), LABELS)


def test_the_first_step_of_a_linear_layer_is_worked_by_hand():
    found = fit(Fitting(nothing, Weights.logits, 1, 0.5), MEANS, FEATURES, LABELS)
    wrong = (0.5 - np.eye(2)[np.asarray(LABELS)]) / 4  # all classes equally probable at first
    np.testing.assert_allclose(found.matrix, -0.5 * np.asarray(FEATURES).T @ wrong, rtol=1e-5)
    np.testing.assert_allclose(found.bias, -0.5 * wrong.sum(0), atol=1e-7)


@pytest.mark.parametrize("factory", [baseline, baseline_pp])
def test_shapes(factory):
    assert factory(SHAPE).training.shape is None
    found = factory(SHAPE, train_way=60, train_query=1, train_shot=2).training.shape
    assert found == EpisodeShape(way=60, shot=2, query=1)
    state = jax.eval_shape(factory(SHAPE, classes=11).init, jax.random.key(0))
    assert any(11 in leaf.shape for leaf in jax.tree.leaves(state.params["head"]))


@pytest.mark.parametrize("factory", [baseline, baseline_pp])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"classes": 0}, "`classes` is 0; it must be at least 1"),
        ({"fit_steps": 0}, "`fit_steps` is 0; it must be at least 1"),
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
