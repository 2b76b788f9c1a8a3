"""Training from scratch: the supports are learned, and nothing else is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.untrained.scratch import scratch
from metabench.seeds import root_key
from metabench.types import EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(2, 2, 1, (16, 16, 1))


@pytest.fixture(scope="module")
def episode():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, 16, 16, 1))
    images[:2, :8], images[2:, 8:] = 0, 0  # ink in one half or the other
    return jnp.asarray(images, jnp.uint8), jnp.asarray([0, 0, 1, 1])


def test_the_supports_are_learned(episode):
    images, labels = episode
    learner = scratch(SHAPE, width=8, inner_steps=40, inner_rate=1e-2)
    adapt, predict = jax.jit(learner.adapt), jax.jit(learner.predict)
    task = adapt((), images, labels, root_key(0))
    assert predict(task, images[::3]).argmax(1).tolist() == [0, 1]
    other = adapt((), images, 1 - labels, root_key(0))
    assert predict(other, images[::3]).argmax(1).tolist() == [1, 0]


def test_weights_are_drawn_anew_for_each_episode(episode):
    learner = scratch(SHAPE, width=8, inner_steps=1)
    adapt = jax.jit(learner.adapt)
    tasks = [adapt((), *episode, root_key(seed)) for seed in (0, 0, 1)]
    first, again, other = (np.asarray(jax.tree.leaves(task.weights)[0]) for task in tasks)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_wrong_options():
    with pytest.raises(UserError, match="`inner_steps` is 0; it must be at least 1"):
        scratch(SHAPE, inner_steps=0)
    with pytest.raises(UserError, match="`norm` is 'running'"):
        scratch(SHAPE, norm="running")
