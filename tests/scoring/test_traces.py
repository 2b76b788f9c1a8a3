"""What learners tell of their inner steps, over the episodes of the test."""

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.conformance import strokes_tables
from metabench.contracts.learner import EpisodeLearner
from metabench.errors import UserError
from metabench.registry import build_learner
from metabench.scoring.traces import check_traceable, traced
from metabench.seeds import root_key
from metabench.tasks.episodes import sample
from metabench.types import EpisodeShape

SHAPE = EpisodeShape(2, 1, 1, (16, 16, 1))


def learner():
    """One whose trace is the ink of the supports, twice, and the state."""

    def trace(state, support_x, support_y, key):
        ink = support_x.sum(dtype=jnp.int32)[None, None]
        return {"ink": jnp.concatenate([ink, ink]), "state": state[:, None]}

    none = lambda *inputs: None  # noqa: E731
    return EpisodeLearner(init=none, adapt=none, predict=none, trace=trace)


def test_every_episode_of_the_test_is_told():
    table, state = strokes_tables(SHAPE.image)["test"], jnp.array([3.0, 4.0])
    found = traced(learner(), state, table, SHAPE, seed=7, episodes=3)
    assert {name: values.shape for name, values in found.items()} == {
        "ink": (3, 2, 1),
        "state": (3, 2, 1),
    }
    np.testing.assert_array_equal(found["state"][1, :, 0], state)
    for index in range(3):
        episode = sample(root_key(7), index, table, SHAPE)
        assert found["ink"][index, 0, 0] == int(episode.support_x.sum(dtype=jnp.int32))


def test_a_learner_without_a_trace_is_refused():
    pixel_nn = build_learner("pixel_nn", SHAPE, {})
    with pytest.raises(UserError, match="`plots` is given, but learner `pixel_nn` tells nothing"):
        check_traceable("pixel_nn", pixel_nn)
    check_traceable("mine", learner())
