"""The autoencoder draws images again, meets no label, and its codes vote in streams."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import data
from metabench.contracts.learner import EpisodeLearner, StreamLearner
from metabench.contracts.options import only_in_test
from metabench.errors import UserError
from metabench.learners.unlabelled.autoencoder import autoencoder, flat
from metabench.seeds import root_key
from metabench.tasks.class_table import class_table, find_split
from metabench.tasks.kinds import sample_tasks
from metabench.types import EpisodeShape, StreamShape

pytestmark = pytest.mark.slow

SHAPES = {
    "episodes": EpisodeShape(5, 1, 3),
    "streams": StreamShape(5, 4, (28, 28, 1)),
}


@pytest.fixture(scope="module")
def table():
    strokes = data.load_or_prepare("strokes", progress=False)
    return class_table(strokes, find_split(strokes, "alphabets"), "train")


def trained(learner, table, steps=300):
    def step(state, number):
        images = sample_tasks(root_key(1), number[None], table, learner.training.shape)
        state, metrics = learner.training.step(state, images, root_key(2))
        return state, metrics["loss"]

    return jax.jit(lambda state: jax.lax.scan(step, state, jnp.arange(steps)))(
        jax.jit(learner.init)(root_key(0))
    )


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_it_draws_better_than_the_mean_image(shape, table):
    learner = autoencoder(
        shape, hidden=64, code=16, images=160, learning_rate=3e-3, decay="constant"
    )
    loss = float(trained(learner, table)[1][-20:].mean())
    pixels = np.asarray(flat(table.images))
    mean = np.clip(pixels.mean(0), 1e-6, 1 - 1e-6)  # the best answer that ignores the image
    entropy = -(pixels * np.log(mean) + (1 - pixels) * np.log(1 - mean)).sum(1).mean()
    assert loss < 0.9 * entropy


def test_it_answers_what_its_shape_asks_for():
    """Streams and episodes share their training, and nothing but streams knows how many vote."""
    built = {name: autoencoder(shape, hidden=8, code=4) for name, shape in SHAPES.items()}
    assert isinstance(built["episodes"], EpisodeLearner)
    assert isinstance(built["streams"], StreamLearner)
    assert all(learner.training.shape.number == 80 for learner in built.values())
    assert only_in_test(autoencoder) == ("neighbours",)


def test_the_nearest_image_met_before_votes_in_a_stream(table):
    learner = autoencoder(SHAPES["streams"], hidden=8, code=4)
    xs = table.images[jnp.asarray([0, 1, 0, 1])]
    codes = jnp.eye(2)[jnp.asarray([0, 1, 0, 1])]
    before = jnp.roll(codes, 1, axis=0).at[0].set(0)
    found = learner.answer(jax.jit(learner.init)(root_key(0)), xs, before, root_key(1))
    assert (found[0] == 0).all()
    np.testing.assert_array_equal(found[2:].argmax(1), [0, 1])


def test_no_label_is_met_in_training(table):
    learner = autoencoder(SHAPES["episodes"], hidden=8, code=4)
    other = table._replace(
        members=table.members[::-1].reshape(table.members.shape), class_ids=0 * table.class_ids
    )
    for one, another in zip(
        *(jax.tree.leaves(trained(learner, one, 3)[0]) for one in (table, other)), strict=True
    ):
        np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"code": 0}, "`code` is 0; it must be at least 1"),
        ({"hidden": 0}, "`hidden` is 0; it must be at least 1"),
        ({"images": 0}, "`images` is 0; it must be at least 1"),
        ({"neighbours": 0}, "`neighbours` is 0; it must be at least 1"),
        ({"neighbours": 2}, "`neighbours` is 2, but only in the online protocol do several"),
        ({"steps": 0}, "`steps` is 0; it must be at least 1"),
        ({"decay": "linear"}, "`decay` is 'linear'; it must be one of: cosine, constant"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        autoencoder(SHAPES["episodes"], **options)
