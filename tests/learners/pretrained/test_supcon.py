"""Supervised contrastive pretraining: the loss by hand, both positions of the logarithm, views."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.test_util import check_grads

from metabench.errors import UserError
from metabench.learners.pretrained.supcon import ProjectionHead, contrastive, jittered, supcon
from metabench.types import Episode, EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=2, shot=1, query=3)
POSITIONS = ("outside", "inside")


def loss(vectors, classes, position, temperature=0.5):
    found = contrastive(vectors, classes, temperature=temperature, log_position=position)
    return found[0]


def vectors_and_classes(classes, size=3, seed=0):
    drawn = np.random.default_rng(seed).normal(size=(len(classes), size))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return jnp.asarray(drawn), jnp.asarray(classes)


def by_hand(vectors, classes, position, temperature=0.5):
    """Equations 2 and 3, anchor by anchor."""
    errors = []
    for i, anchor in enumerate(vectors):
        weight = np.exp(vectors @ anchor / temperature)
        total = sum(weight[a] for a in range(len(vectors)) if a != i)
        shares = [
            weight[p] / total for p in range(len(vectors)) if p != i and classes[p] == classes[i]
        ]
        if shares and position == "outside":
            errors.append(np.mean([-np.log(share) for share in shares]))
        elif shares:
            errors.append(-np.log(np.mean(shares)))
    return np.mean(errors)


def test_a_right_angle_by_hand():
    vectors = jnp.asarray([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    expected = -np.log(np.e**2 / (np.e**2 + 2))  # one positive at cosine 1, two others at 0
    for position in POSITIONS:
        found = loss(vectors, jnp.asarray([3, 3, 8, 8]), position)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("classes", [[0, 0, 0, 1, 1], [4, 7, 4, 7, 4, 4], [0, 0, 1, 2, 2, 2]])
def test_the_loss_is_that_of_the_equations(position, classes):
    vectors, labels = vectors_and_classes(classes)
    expected = by_hand(np.asarray(vectors), classes, position)
    np.testing.assert_allclose(loss(vectors, labels, position), expected, rtol=1e-5)


def test_positions_differ_where_an_anchor_has_two_positives_and_only_there():
    single = vectors_and_classes([0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(*(loss(*single, position) for position in POSITIONS), rtol=1e-6)
    outside, inside = (loss(*vectors_and_classes([0, 0, 0, 1, 1, 1]), p) for p in POSITIONS)
    assert inside < outside - 1e-3  # Jensen's inequality


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("classes", [[0, 0, 0, 1, 1], [0, 0, 1, 2, 2, 2]])
def test_gradients_are_those_of_finite_differences(position, classes):
    with jax.enable_x64(True):
        vectors, labels = vectors_and_classes(classes)
        error = jax.jit(lambda x: loss(x, labels, position))
        check_grads(error, (vectors,), order=1, modes=["rev"])


@pytest.mark.parametrize("position", POSITIONS)
def test_without_any_positive_there_is_nothing_to_learn(position):
    vectors, labels = vectors_and_classes([0, 1, 2])
    value, gradient = jax.jit(jax.value_and_grad(lambda x: loss(x, labels, position)))(vectors)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


def test_accuracy_is_how_often_the_nearest_other_is_of_ones_class():
    angles = jnp.asarray([0.0, 0.1, 0.3, 2.0, 0.32])
    vectors = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
    found = contrastive(
        vectors, jnp.asarray([0, 0, 0, 1, 1]), temperature=0.1, log_position="outside"
    )
    np.testing.assert_allclose(found[1], 3 / 5)  # not the third, nor the last


@pytest.mark.parametrize(("vectors", "classes"), [((4, 3), (3,)), ((4,), (4,)), ((4, 3), (4, 1))])
def test_shapes_that_do_not_go_together(vectors, classes):
    with pytest.raises(UserError, match=r"they must be \[n, size\] and \[n\]"):
        loss(jnp.ones(vectors), jnp.ones(classes, jnp.int32), "outside")


def test_projections_are_unit_vectors_that_know_directions_alone():
    head = ProjectionHead(4, 6, nnx.Rngs(0))
    features = jnp.asarray([[1.0, 2.0, 0.5, 0.0], [0.0, 0.3, 0.1, 4.0]])
    found = head.outputs(features)
    np.testing.assert_allclose(jnp.square(found).sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(head.outputs(5 * features), found, rtol=1e-4)


def test_views_are_of_the_images_in_order_and_differ():
    images = jnp.zeros((3, 16, 16, 1), jnp.uint8).at[:, 4:12, 7:9].set(200)
    classes = jnp.asarray([5, 2, 9])
    views = jax.jit(jittered, static_argnums=(0, 1))
    seen, named = views(2, (16, 16, 1), jax.random.key(0), images, classes)
    np.testing.assert_array_equal(named, [5, 2, 9, 5, 2, 9])
    assert seen.shape == (6, 16, 16, 1)
    assert all(np.abs(seen[i] - seen[j]).max() > 10 for i in range(6) for j in range(i))
    assert np.abs(seen.sum((1, 2, 3)) / images[0].sum() - 1).max() < 0.1  # ink is only moved
    assert jittered(1, (16, 16, 1), jax.random.key(0), images, classes)[0] is images


def test_a_step_of_training_depends_on_the_key_only_with_views():
    episodes = Episode(
        support_x=jax.random.bits(jax.random.key(1), (1, 2, 16, 16, 1), jnp.uint8),
        support_y=jnp.asarray([[0, 1]]),
        query_x=jax.random.bits(jax.random.key(2), (1, 2, 16, 16, 1), jnp.uint8),
        query_y=jnp.asarray([[1, 0]]),
        class_ids=jnp.asarray([[4, 6]]),
    )
    shape = EpisodeShape(2, 1, 1, (16, 16, 1))
    for views, same in ((1, True), (2, False)):
        learner = supcon(shape, views=views, width=4)
        state, train = jax.jit(learner.init)(jax.random.key(0)), jax.jit(learner.training.step)
        losses = [train(state, episodes, jax.random.key(k))[1]["loss"] for k in (0, 1)]
        assert (losses[0] == losses[1]) == same


def test_the_projection_plays_no_part_in_the_test():
    learner = supcon(EpisodeShape(2, 1, 1, (16, 16, 1)), width=4)
    state = jax.jit(learner.init)(jax.random.key(0))
    images = jax.random.bits(jax.random.key(1), (4, 16, 16, 1), jnp.uint8)

    @jax.jit
    def answer(state):
        task = learner.adapt(state, images[:2], jnp.asarray([1, 0]), jax.random.key(0))
        return learner.predict(task, images)

    zeros = jax.tree.map(jnp.zeros_like, state.params["head"])
    beheaded = state._replace(params=state.params | {"head": zeros})
    np.testing.assert_array_equal(answer(state), answer(beheaded))
    np.testing.assert_allclose(answer(state)[:2], answer(state)[:2].T, rtol=1e-3)  # cosines
    np.testing.assert_allclose(answer(state)[[0, 1], [1, 0]], 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"log_position": "between"}, "`log_position` is 'between'; it must be one of: outside"),
        ({"temperature": 0.0}, r"`temperature` is 0\.0; it must be positive"),
        ({"projection": 0}, "`projection` is 0; it must be at least 1"),
        ({"views": 0}, "`views` is 0; it must be at least 1"),
        ({"width": 0}, "`width` is 0"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        jax.eval_shape(supcon(SHAPE, **options).init, jax.random.key(0))
