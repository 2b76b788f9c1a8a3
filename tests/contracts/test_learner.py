"""What is derived from a learner: its learned arrays, and the shape of its training tasks."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.learner import (
    EpisodeLearner,
    StreamLearner,
    Training,
    foundation_of,
    learned,
    parameter_count,
    train_shape,
)
from metabench.types import EpisodeShape, StreamShape

SHAPE = EpisodeShape(5, 1, 15)


class State(NamedTuple):
    params: dict
    optimizer: dict


class Built(NamedTuple):
    source: State
    kept: np.ndarray


STATE = State({"w": jnp.ones((2, 3)), "b": jnp.ones(3)}, {"params": jnp.ones((2, 3))})


@pytest.mark.parametrize(
    ("state", "number"),
    [
        ((), 0),
        (STATE, 9),
        ({"params": jnp.ones(4), "rest": jnp.ones(5)}, 4),
        (Built(STATE, jnp.ones((7, 2))), 9),
        (Built((), jnp.ones((7, 2))), 14),
        ([STATE, STATE], 18),
        ({"weights": jnp.ones((2, 2)), "step": jnp.int32(3)}, 4),
        (jnp.ones(6), 6),
    ],
)
def test_learned_arrays_are_those_of_the_outermost_params(state, number):
    trained = EpisodeLearner(None, None, None, Training(None))
    assert parameter_count(trained, state) == number
    assert parameter_count(EpisodeLearner(None, None, None), state) == 0


def test_learned_arrays_are_the_arrays_themselves():
    assert learned(STATE)[0] is STATE.params["b"]


def test_training_tasks_have_the_shape_of_the_tests_where_none_is_named():
    learner = EpisodeLearner(None, None, None)
    other = EpisodeShape(20, 1, 5)
    assert train_shape(learner, SHAPE) == SHAPE
    assert train_shape(learner._replace(training=Training(None)), SHAPE) == SHAPE
    assert train_shape(learner._replace(training=Training(None, other)), SHAPE) == other
    assert foundation_of(learner) is None
    stream = StreamLearner(None, None)
    assert foundation_of(stream) is None
    assert train_shape(stream, StreamShape(5, 2)) == StreamShape(5, 2)
