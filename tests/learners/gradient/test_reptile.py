"""Reptile: its outer update, its minibatches, and what it keeps from task to task."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import recipes
from metabench.errors import UserError
from metabench.learners.gradient.reptile import _towards, minibatches, reptile
from metabench.seeds import root_key
from metabench.types import Episode, EpisodeShape

SHAPE = EpisodeShape(way=2, shot=1, query=2, image=(16, 16, 1))


def test_the_outer_update_goes_a_part_of_the_way_to_the_mean():
    there = jnp.asarray([[2.0, 4.0], [4.0, 0.0]])
    found = _towards(jnp.float32(0.25), jnp.asarray([1.0, 2.0]), there)
    np.testing.assert_allclose(found, [1.5, 2.0])


def test_minibatches_go_through_all_images_before_one_comes_again():
    found = np.asarray(minibatches(jax.random.key(0), 6, 4, 3))
    assert found.shape == (3, 4)
    assert sorted(found.reshape(-1)[:6]) == list(range(6))
    assert sorted(found.reshape(-1)[6:]) == list(range(6))


def test_a_small_support_set_is_one_batch():
    found = np.asarray(minibatches(jax.random.key(0), 3, 10, 4))
    np.testing.assert_array_equal(np.sort(found, axis=1), np.tile(np.arange(3), (4, 1)))


def test_training_tasks_have_only_the_images_that_are_learned_from():
    assert reptile(SHAPE).training.shape == EpisodeShape(2, 9, 1, SHAPE.image)


@pytest.mark.slow  # compiles the gradient of four blocks
def test_the_last_step_does_not_move_and_moments_are_kept():
    learner = reptile(SHAPE, width=2, steps=1, train_images=2)
    state = jax.jit(learner.init)(root_key(0))
    pixels = jax.random.bits(jax.random.key(0), (1, 4, 16, 16, 1), jnp.uint8)
    labels = jnp.asarray([[0, 1]])
    episodes = Episode(pixels[:, :2], labels, pixels[:, 2:], labels, labels)
    train = jax.jit(learner.training.step)
    moved, metrics = train(state, episodes, root_key(1))
    still, _ = train(moved, episodes, root_key(1))
    assert jnp.isfinite(metrics["loss"])
    pairs = [jax.tree.leaves(s.params) for s in (state, moved, still)]
    assert any((a != b).any() for a, b in zip(pairs[0], pairs[1], strict=True))
    for before, after in zip(pairs[1], pairs[2], strict=True):
        np.testing.assert_array_equal(before, after)  # the outer rate has fallen to zero
    counts = [leaf for leaf in jax.tree.leaves(still.moments) if leaf.dtype == jnp.int32]
    assert counts == [10]  # five steps of Adam in each of two tasks


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"inner_steps": 0}, "`inner_steps` is 0; it must be at least 1"),
        ({"test_steps": 0}, "`test_steps` is 0; it must be at least 1"),
        ({"test_batch": 0}, "`test_batch` is 0; it must be at least 1"),
        ({"inner_batch": 0}, "`inner_batch` is 0; it must be at least 1"),
        ({"outer_rate": 0.0}, "`outer_rate` is 0.0; it must be positive"),
        ({"outer_rate": 1.5}, "`outer_rate` is 1.5; it must be from 0 to 1"),
        ({"train_images": 1}, "`train_images` is 1; it must be at least 2"),
        ({"norm": "running"}, "`norm` is 'running'"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        reptile(SHAPE, **options)


def test_a_test_has_minibatches_of_its_own(monkeypatch):
    """The images that the first inner step of a test sees, of ten supports."""
    seen = []

    def kept(key, images, batch, number):
        seen.append(batch)
        return minibatches(key, images, batch, number)

    monkeypatch.setattr("metabench.learners.gradient.reptile.minibatches", kept)
    shape = EpisodeShape(2, 5, 1, (16, 16, 1))
    images = jax.ShapeDtypeStruct((10, 16, 16, 1), jnp.uint8)
    labels = jax.ShapeDtypeStruct((10,), jnp.int32)
    for options in ({"inner_batch": 4}, {"inner_batch": 4, "test_batch": 3}):
        learner = reptile(shape, width=2, **options)
        key = jax.eval_shape(lambda: root_key(0))
        jax.eval_shape(learner.adapt, jax.eval_shape(learner.init, key), images, labels, key)
    assert seen == [4, 3]


@pytest.mark.parametrize(("recipe", "test_batch"), [("reptile", 5), ("reptile-5way-5shot", 15)])
def test_the_mini_imagenet_recipes_are_those_of_the_papers_last_version(recipe, test_batch):
    """As in the commands of the authors' README, with 8 steps of 10 images and 50 in the test."""
    found = recipes.read(recipes.folder() / "mini_imagenet" / f"{recipe}.toml", recipe)
    assert found.learner == {
        "inner_steps": 8,
        "test_steps": 50,
        "inner_rate": 1e-3,
        "inner_batch": 10,
        "test_batch": test_batch,
        "outer_rate": 1.0,
        "width": 32,
        "blocks": "pooled_same",
        "train_images": 15,
    }
    assert (found.train["steps"], found.train["batch"]) == (100_000, 5)


@pytest.mark.parametrize("norm", ["batch", "support", "layer", "none"])
def test_only_statistics_of_the_queries_are_transductive(norm):
    assert reptile(SHAPE, norm=norm).transductive == (norm == "batch")
