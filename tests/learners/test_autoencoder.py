"""The autoencoder draws images again, meets no label, and its codes vote in streams."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import data
from metabench.episodes import root_key
from metabench.errors import UserError
from metabench.learners.autoencoder import autoencoder, flat
from metabench.tables import class_table, find_split
from metabench.tasks import images_of, sample_tasks
from metabench.types import EpisodeShape, StreamShape

SHAPES = {
    "episodes": EpisodeShape(5, 1, 3),
    "streams": StreamShape(5, 4, (28, 28, 1)),
}


@pytest.fixture(scope="module")
def table():
    strokes = data.load_or_prepare("strokes", progress=False)
    return class_table(strokes, find_split(strokes, "alphabets"), "train")


def trained(shape, table, steps=300):
    learner = autoencoder(shape, hidden=64, code=16, learning_rate=3e-3, decay="constant")

    def step(state, number):
        tasks = sample_tasks(root_key(1), number * 8 + jnp.arange(8), table, shape)
        state, metrics = learner.train(state, tasks, root_key(2))
        return state, metrics["loss"]

    whole = jax.jit(lambda state: jax.lax.scan(step, state, jnp.arange(steps)))
    _, losses = whole(learner.init(root_key(0)))
    return float(losses[-20:].mean()), sample_tasks(root_key(1), jnp.arange(40), table, shape)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_it_draws_better_than_the_mean_image(shape, table):
    loss, tasks = trained(shape, table)
    pixels = np.asarray(flat(images_of(tasks)))
    mean = np.clip(pixels.mean(0), 1e-6, 1 - 1e-6)  # the best answer that ignores the image
    entropy = -(pixels * np.log(mean) + (1 - pixels) * np.log(1 - mean)).sum(1).mean()
    assert loss < 0.9 * entropy


def test_no_label_is_met_in_training(table):
    shape = SHAPES["episodes"]
    learner = autoencoder(shape, hidden=8, code=4)
    state, tasks = learner.init(root_key(0)), sample_tasks(root_key(1), jnp.arange(4), table, shape)
    other = tasks._replace(support_y=tasks.support_y[:, ::-1], query_y=0 * tasks.query_y)
    for one, another in zip(
        *(jax.tree.leaves(learner.train(state, t, root_key(0))) for t in (tasks, other)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, another)


def test_every_image_of_a_batch_is_met_once(table):
    shape = SHAPES["episodes"]
    tasks = sample_tasks(root_key(1), jnp.arange(2), table, shape)
    found = np.asarray(images_of(tasks)).reshape(2, 20, -1)
    np.testing.assert_array_equal(found[1, :5], tasks.support_x[1].reshape(5, -1))
    np.testing.assert_array_equal(found[1, 5:], tasks.query_x[1].reshape(15, -1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"code": 0}, "`code` is 0; it must be at least 1"),
        ({"hidden": 0}, "`hidden` is 0; it must be at least 1"),
        ({"neighbours": 0}, "`neighbours` is 0; it must be at least 1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        autoencoder(SHAPES["episodes"], **options)
