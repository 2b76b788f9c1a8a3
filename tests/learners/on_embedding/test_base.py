"""Classifiers on another learner's embedding: hand-worked episodes, and what they keep of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import registry
from metabench.contracts.learner import learned, parameter_count
from metabench.errors import UserError
from metabench.learners.on_embedding.base import Embedding, State, embedding_source
from metabench.learners.on_embedding.cluster_matching import majority
from metabench.seeds import root_key
from metabench.types import EpisodeShape

pytestmark = pytest.mark.slow

ON_EMBEDDING = ("cluster_matching", "exemplar_svm", "logistic", "mlp")
SHAPE = EpisodeShape(3, 2, 2, (2, 2, 1))
BRIGHT = {"embedding": "pixel_nn", "embedding_settings": {"ink": "bright"}}
# Three classes, each with ink in a pixel of its own, and a little of it elsewhere.
PIXEL = np.array([0, 0, 1, 1, 2, 2])


def drawings(pixels, seed):
    noise = np.random.default_rng(seed).integers(0, 40, (len(pixels), 4))
    noise[np.arange(len(pixels)), pixels] = 255
    return jnp.asarray(noise.reshape(-1, 2, 2, 1), jnp.uint8)


def built(name, **settings):
    small = {"cluster_matching": {"clusters": 3}, "exemplar_svm": {"negatives": 20}}
    chosen = {**BRIGHT, **small.get(name, {}), **settings}
    return registry.build_learner(name, SHAPE, chosen)


def begun(learner, images, seed=0):
    first = learner.init(root_key(seed))
    return learner.foundation.keep(first, (), images, root_key(seed))


@pytest.mark.parametrize("name", ON_EMBEDDING)
def test_an_episode_that_is_easy_is_answered_right(name):
    learner, training = built(name), drawings(np.arange(60) % 3, 1)
    state = begun(learner, training)
    labels = jnp.asarray([2, 2, 0, 0, 1, 1])
    task = learner.adapt(state, drawings(PIXEL, 2), labels, root_key(4))
    found = learner.predict(task, drawings(np.array([2, 0, 1]), 3)).argmax(1)
    assert found.tolist() == [1, 2, 0]


@pytest.mark.parametrize("name", ON_EMBEDDING)
def test_the_state_keeps_its_form(name):
    learner = built(name)
    first = learner.init(root_key(0))
    later = learner.foundation.keep(first, (), drawings(np.arange(60) % 3, 1), root_key(0))
    assert jax.tree.structure(first) == jax.tree.structure(later)
    assert [x.shape for x in jax.tree.leaves(first)] == [x.shape for x in jax.tree.leaves(later)]


def test_cluster_matching_names_clusters_by_hand():
    learner = built("cluster_matching", clusters=4)
    corners = jnp.eye(4)  # the pixels themselves, as unit vectors
    state = State((), corners)
    support = jnp.asarray(np.diag([255] * 4)[[0, 0, 1, 1, 2, 2]].reshape(-1, 2, 2, 1), jnp.uint8)
    task = learner.adapt(state, support, jnp.asarray([0, 0, 1, 1, 2, 2]), root_key(0))
    # Half of the ink in pixel 3, which nobody named, the rest in pixel 1: the nearest name is 1's.
    query = jnp.asarray(np.array([[0, 100, 0, 200]]).reshape(1, 2, 2, 1), jnp.uint8)
    found = learner.predict(task, query)
    assert found.argmax(1).tolist() == [1]
    x = np.array([0, 1, 0, 2]) / np.sqrt(5)
    expected = [-np.square(x - np.eye(4)[c]).sum() for c in range(3)]
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_supports_vote_on_the_class_of_their_cluster():
    learner = built("cluster_matching", clusters=4)
    state = State((), jnp.eye(4))
    pixel = np.array([0, 0, 0, 0, 1, 2])  # A, A, A and B in one cluster, B and C in their own
    support = jnp.asarray(np.diag([255] * 4)[pixel].reshape(-1, 2, 2, 1), jnp.uint8)
    for a, b, c in ((0, 1, 2), (1, 0, 2), (2, 1, 0)):  # whatever the classes are called
        task = learner.adapt(state, support, jnp.asarray([a, a, a, b, b, c]), root_key(0))
        scores = learner.predict(task, support[:1])[0]
        assert scores.argmax() == a
        np.testing.assert_allclose([scores[a], scores[b]], [0, -2], atol=1e-6)  # B's own cluster
    two_each = majority(jnp.asarray([5, 5, 5, 5, 3]), jnp.asarray([2, 0, 2, 0, 1]), 3)
    assert two_each.tolist() == [[True, False, True]] * 4 + [[False, True, False]]


def test_an_exemplar_is_told_from_the_training_images_too():
    learner = built("exemplar_svm", negatives=7)
    training = drawings(np.full(30, 3), 5)
    state = begun(learner, training)
    assert state.kept.shape == (7, 4)
    kept = np.asarray(state.kept)
    np.testing.assert_allclose(np.linalg.norm(kept, axis=1), 1, rtol=1e-5)
    assert (kept.argmax(1) == 3).all()


def test_logistic_regression_agrees_with_the_library_on_two_classes():
    from sklearn.linear_model import LogisticRegression

    shape = EpisodeShape(2, 3, 2, (2, 2, 1))
    learner = registry.build_learner("logistic", shape, {**BRIGHT, "penalty": 0.5})
    support, query = drawings(np.array([0, 0, 0, 1, 1, 1]), 6), drawings(np.array([0, 1]), 7)
    labels = jnp.asarray([0, 0, 0, 1, 1, 1])
    task = learner.adapt(learner.init(root_key(0)), support, labels, root_key(0))
    found = learner.predict(task, query)

    def unit(images):
        flat = np.asarray(images, float).reshape(-1, 4)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    model = LogisticRegression(C=2.0).fit(unit(support), np.asarray(labels))
    scores = model.decision_function(unit(query))
    np.testing.assert_allclose(found[:, 1] - found[:, 0], scores, rtol=1e-3)


def test_dropout_is_for_the_fitting_alone():
    learner = built("mlp", dropout=0.9, fit_steps=3)
    state = learner.init(root_key(0))
    task = learner.adapt(state, drawings(PIXEL, 2), jnp.asarray(PIXEL), root_key(4))
    query = drawings(np.array([2, 0, 1]), 3)
    np.testing.assert_array_equal(learner.predict(task, query), learner.predict(task, query))
    other = learner.adapt(state, drawings(PIXEL, 2), jnp.asarray(PIXEL), root_key(5))
    assert not np.allclose(other.fitted.output, task.fitted.output)


def test_a_learner_without_embedding_is_no_source():
    with pytest.raises(UserError, match="`embedding` is 'mann', which has no embedding"):
        embedding_source(SHAPE, Embedding("mann"))


def test_a_learner_of_another_kind_is_no_source(tmp_path):
    lines = ["from metabench.types import StreamShape", "def other(shape: StreamShape): ..."]
    (tmp_path / "mine.py").write_text("\n".join(lines))
    with pytest.raises(UserError, match="other', which has no embedding"):
        embedding_source(SHAPE, Embedding(f"{tmp_path}/mine.py:other"))


@pytest.mark.parametrize("name", ON_EMBEDDING)
def test_the_parameters_are_those_of_the_embedding(name):
    small = {"hidden": 8, "code": 3}
    learner = built(name, embedding="autoencoder", embedding_settings=small)
    state = learner.init(root_key(0))
    for one, other in zip(learned(state), jax.tree.leaves(state.source.params), strict=True):
        assert one is other
    encoder, decoder = 4 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3, 3 * 8 + 8 + 8 * 8 + 8 + 8 * 4 + 4
    assert parameter_count(learner, state) == encoder + decoder


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("logistic", {"penalty": 0.0}, "`penalty` is 0.0; it must be positive"),
        ("exemplar_svm", {"negatives": -1}, "`negatives` is -1; it must be at least 0"),
        ("exemplar_svm", {"positive": 0.0}, "`positive` is 0.0; it must be positive"),
        ("cluster_matching", {"clusters": 0}, "`clusters` is 0; it must be at least 1"),
        ("mlp", {"hidden": 0}, "`hidden` is 0; it must be at least 1"),
        ("mlp", {"dropout": 1.0}, "`dropout` is 1.0; it must be below 1"),
        ("mlp", {"dropout": -0.1}, "`dropout` is -0.1; it must be from 0 to 1"),
        ("mlp", {"fit_rate": 0.0}, "`fit_rate` is 0.0; it must be positive"),
    ],
)
def test_wrong_options(name, options, message):
    with pytest.raises(UserError, match=message):
        built(name, **options)
