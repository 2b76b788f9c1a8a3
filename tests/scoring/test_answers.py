"""Answers of another shape are refused: what could be counted of them is no accuracy."""

import jax.numpy as jnp
import pytest

from metabench.contracts.learner import EpisodeLearner, Forecaster, StreamLearner
from metabench.errors import UserError
from metabench.scoring.episodes import evaluate
from metabench.scoring.functions import make_densities
from metabench.seeds import root_key
from metabench.types import EpisodeShape, Forecast, FunctionShape, StreamShape
from tests.scoring.test_episodes import make_table

EPISODES = EpisodeShape(way=3, shot=1, query=4, image=(2, 2, 1))
STREAMS = StreamShape(3, 4, image=(2, 2, 1))


def count(learner, shape):
    return evaluate(learner, (), make_table(), shape, seed=0, episodes=2)


def predicting(answer):
    return EpisodeLearner(lambda key: (), lambda s, x, y, key: (), lambda task, x: answer)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (jnp.zeros((12, 2)), r"an array \[12, 2\] of float32"),  # a class is missing
        (jnp.zeros((12, 4)), r"\[12, 4\]"),  # one that there is not
        (jnp.zeros((12, 1, 3)), r"\[12, 1, 3\]"),  # was 12 times too many right answers
        (jnp.zeros((1, 3)), r"\[1, 3\]"),
        (jnp.zeros(12, int), r"\[12\]"),  # labels
        (jnp.zeros((12, 3), complex), "of complex64"),
        ([0.0], "type list"),
        (None, "type NoneType"),
    ],
)
def test_scores_of_episodes_have_a_column_for_each_class(answer, told):
    with pytest.raises(UserError, match=rf"`predict` .*{told}.*; it must .*here \[12, 3\]"):
        count(predicting(answer), EPISODES)


@pytest.mark.parametrize("kind", [jnp.float32, jnp.float16, jnp.int32, bool])
def test_scores_may_be_any_real_numbers(kind):
    assert count(predicting(jnp.zeros((12, 3), kind)), EPISODES).tolist() == [4, 4]


@pytest.mark.parametrize("shape", [(12,), (12, 4), (1, 3), (12, 1, 3)])
def test_scores_of_streams_have_a_column_for_each_output(shape):
    learner = StreamLearner(lambda key: (), lambda s, xs, labels, key: jnp.zeros(shape))
    with pytest.raises(UserError, match=r"`answer` .*\[steps, outputs\], here \[12, 3\]"):
        count(learner, STREAMS)


@pytest.mark.parametrize(
    ("forecast", "told"),
    [
        (Forecast(jnp.zeros((6, 1)), jnp.ones(6)), r"`mean` is an array \[6, 1\]"),
        (Forecast(jnp.zeros(6), jnp.float32(1)), r"`deviation` is an array \[\]"),
        (Forecast(jnp.zeros(6), 1.0), "`deviation` is a value of type float"),
        ((jnp.zeros(6), jnp.ones(6)), "must return a `Forecast`"),
    ],
)
def test_a_forecast_has_a_mean_and_a_deviation_for_each_point(forecast, told):
    learner = Forecaster(
        lambda key: (), lambda *given: (), lambda *given: forecast, lambda *given: forecast, None
    )
    with pytest.raises(UserError, match=told):
        make_densities(learner, FunctionShape(1, 6), False)((), root_key(0), jnp.arange(2))
