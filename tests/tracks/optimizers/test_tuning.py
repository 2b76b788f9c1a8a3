"""Tuning of learning rates, on cases that are known in closed form."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.lstm.baselines import sgd
from metabench.tracks.optimizers.rollout import TUNING_SEED, make_rollout
from metabench.tracks.optimizers.tuning import FURTHEST, rate, tune


def bowl(at):
    return lambda rate: (math.log10(rate) - at) ** 2


@pytest.mark.parametrize("at", [-4, -1.333, 0, 0.667])
def test_the_best_within_the_grid(at):
    tuned = tune(bowl(at))
    assert math.isclose(math.log10(tuned.rate), at, abs_tol=0.01)
    assert len(tuned.grid) >= 16
    assert tuned.rate == min(tuned.grid, key=lambda row: row[1])[0]


@pytest.mark.parametrize("at", [-6, 3])
def test_the_grid_grows_where_its_edge_is_best(at):
    tuned = tune(bowl(at))
    assert math.isclose(math.log10(tuned.rate), at, abs_tol=0.01)
    rates = [row[0] for row in tuned.grid]
    assert rates == sorted(rates)
    assert min(rates) < tuned.rate < max(rates)


def test_a_score_that_only_falls_ends():
    assert tune(lambda rate: -rate).rate == rate(FURTHEST)


def test_rates_that_diverge_are_kept_apart():
    tuned = tune(lambda rate: float("nan") if rate > 0.5 else -rate)
    assert tuned.rate == 0.4642
    assert dict(tuned.grid)[1.0] is None


def test_gradient_descent_on_a_parabola():
    """One step of rate 1 / 2a leads to the bottom of a θ²; a = 0.5, so the rate is 1."""
    parabola = Optimizee(
        problem=lambda key: (),
        init=lambda key: jnp.array([3.0, -1.0]),
        loss=lambda theta, problem, data, key: 0.5 * jnp.square(theta).sum(),
        measured=lambda theta, problem, data: 0.5 * jnp.square(theta).sum(),
    )
    run = make_rollout(parabola, sgd, (1,), 2, TUNING_SEED)
    tuned = tune(lambda rate: float(run(rate).measured[:, -1].mean()))
    assert tuned.rate == 1.0
    scores = dict(tuned.grid)
    np.testing.assert_allclose(scores[0.1], 0.9**2 * 5, rtol=1e-4)
    np.testing.assert_allclose(scores[10.0], 9**2 * 5, rtol=1e-4)
