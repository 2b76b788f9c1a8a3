"""A learner whose functions run on the host answers and trains like any other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import EpisodeShape, on_host
from metabench.training.states import packed, unpacked
from metabench.types import Episode

SHAPE = EpisodeShape(way=3, shot=2, query=2, image=(4, 4, 1))


def flat(images):
    assert isinstance(images, np.ndarray)
    assert images.flags.writeable  # PyTorch warns of others
    return images.reshape(len(images), -1) / 255.0


def weighted(shape, step=None):
    """Nearest class means by a weighted distance; 64-bit floats, as a newcomer writes them."""

    def classify(state, support_x, support_y, query_x):
        means = np.stack([flat(support_x[support_y == n]).mean(0) for n in range(shape.way)])
        gaps = (flat(query_x)[:, None] - means) ** 2
        return -(gaps * state["params"]).sum(-1)

    def first(rng):
        return {"params": rng.random(16), "steps": 0}

    return on_host(shape, classify, first=first, step=step)


def halved(state, episodes, rng):
    assert episodes.query_x.ndim == 5
    noise = rng.random(16)
    return {"params": state["params"] / 2 + noise, "steps": state["steps"] + 1}, {"loss": 2.0}


@pytest.fixture
def episodes():
    """Two episodes of classes that are told apart by their brightness."""
    labels = jnp.tile(jnp.arange(3, dtype=jnp.int32), (2, 2))
    shape = (2, 6, 4, 4, 1)
    images = jnp.broadcast_to(80 * labels[:, :, None, None, None], shape).astype(jnp.uint8)
    ids = jnp.zeros((2, 3), jnp.int32)
    return Episode(images, labels, images, labels, ids)


@pytest.mark.parametrize("wrap", [lambda function: function, jax.jit])
def test_it_answers_alone_compiled_and_mapped(episodes, wrap):
    learner, key = weighted(SHAPE), jax.random.key(0)
    state = wrap(learner.init)(key)
    assert state["params"].dtype == jnp.float32
    assert state["steps"].dtype == jnp.int32

    def answer(x, y, queries):
        return learner.predict(learner.adapt(state, x, y, key), queries)

    scores = wrap(jax.vmap(answer))(episodes.support_x, episodes.support_y, episodes.query_x)
    assert scores.dtype == jnp.float32
    np.testing.assert_array_equal(scores.argmax(-1), episodes.query_y)


def test_the_key_alone_decides_what_is_drawn(episodes):
    learner = weighted(SHAPE, halved)
    first, same, other = (learner.init(jax.random.key(n)) for n in (0, 0, 1))
    np.testing.assert_array_equal(first["params"], same["params"])
    assert not np.array_equal(first["params"], other["params"])
    step = jax.jit(learner.training.step)
    one, two, three = (step(first, episodes, jax.random.key(n))[0] for n in (5, 5, 6))
    np.testing.assert_array_equal(one["params"], two["params"])
    assert not np.array_equal(one["params"], three["params"])


def test_steps_keep_the_form_of_the_state(episodes):
    learner = weighted(SHAPE, halved)
    state = learner.init(jax.random.key(0))

    def scanned(state, key):
        return learner.training.step(state, episodes, key)

    after, metrics = jax.lax.scan(scanned, state, jax.random.split(jax.random.key(1), 3))
    assert int(after["steps"]) == 3
    np.testing.assert_array_equal(metrics["loss"], 2.0)
    assert np.isnan(metrics["accuracy"]).all()  # it says none
    again = unpacked(packed(after), like=state)
    np.testing.assert_array_equal(again["params"], after["params"])


def test_without_a_state_nothing_is_trained(episodes):
    seen = []

    def classify(state, support_x, support_y, query_x):
        seen.append(state)
        return np.zeros((len(query_x), 3))

    learner = on_host(SHAPE, classify)
    assert learner.training is None
    assert packed(learner.init(jax.random.key(0)))  # a file without arrays
    task = learner.adapt((), episodes.support_x[0], episodes.support_y[0], jax.random.key(0))
    assert learner.predict(task, episodes.query_x[0]).shape == (6, 3)
    assert seen == [None]
