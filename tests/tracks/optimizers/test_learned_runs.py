"""Learned optimizers of several seeds, and the period after which their state begins anew."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learned_optimizers.lstm.coordinatewise import ALL, Weights, first_weights
from metabench.learned_optimizers.lstm.files import TrainedOptimizer
from metabench.tracks.optimizers.learned_runs import check_alike, run_learned, tuned_period
from metabench.tracks.optimizers.rollout import TEST_SEED, make_rollout
from tests.tracks.optimizers.test_baseline_runs import parabola


def growing(size=1.0, seed=0, reset_every=None):
    """An LSTM of one unit whose cell grows by one each step while the gradient's sign is the same.

    Its gates are open, and its output is the negative hidden state, so its steps grow.
    """
    first = first_weights(jax.random.key(0), 1, 1)
    kernel = jnp.array([[0.0, 0, 0], [0.0, 0, 0], [0.0, 9, 0], [0.0, 0, 0]])
    layer = first.layers[0]._replace(kernel=kernel, bias=jnp.array([9.0, 9.0, 0.0, 9.0]))
    weights = Weights((layer,), -size * jnp.ones(1), jnp.zeros(()))
    about = {"task": "t", "plan": {"horizon": 8}, "seed": seed}
    return TrainedOptimizer({ALL: weights}, 0.1, 10.0, about, reset_every)


def test_runs_are_those_of_each_training_with_and_without_restarts():
    trainings, stops = [growing(), growing(2.0, 1)], (2, 4)
    for every in (None, 1):
        entry = run_learned(parabola(), trainings, every, stops, 2)
        for number, one in enumerate(trainings):
            alone = one._replace(reset_every=every)
            run = make_rollout(
                parabola(), lambda _, alone=alone: alone.transformation(), stops, 2, TEST_SEED
            )
            expected = run(0.0)
            for stop in (0, 1):
                found = entry.by_stop[stop][number]
                np.testing.assert_allclose(
                    found.losses, expected.losses[:, : stops[stop] + 1], rtol=1e-5
                )
                np.testing.assert_allclose(
                    found.measured[:, 1], expected.measured[:, stop + 1], rtol=1e-5
                )
    plain = run_learned(parabola(), [growing(reset_every=1)], None, stops, 2)
    np.testing.assert_allclose(
        plain.first[0].losses,
        run_learned(parabola(), [growing()], 1, stops, 2).first[0].losses,
        rtol=1e-6,
    )


def test_the_period_is_that_of_the_lowest_mean_log_loss():
    period = tuned_period(parabola(), [growing(5.0)], (8, 16))
    scores = dict(period.tried)
    assert set(scores) == {None, 2, 4, 8}  # 16 and 40 are not below the last stop
    assert period.every == min(scores, key=lambda every: scores[every])
    losses = run_learned(parabola(), [growing(5.0)], 4, (8, 16), 2).by_stop
    expected = np.mean([np.log(runs.measured[:, 1].mean()) for (runs,) in losses])
    assert scores[4] == pytest.approx(expected, rel=1e-4)


def test_trainings_must_differ_in_their_seed_alone():
    check_alike([growing(), growing(seed=1)])
    with pytest.raises(UserError, match=r"seeds \[0, 0\]"):
        check_alike([growing(), growing()])
    other = growing(seed=1)._replace(about={"task": "t", "plan": {"horizon": 9}, "seed": 1})
    with pytest.raises(UserError, match="same task and plan"):
        check_alike([growing(), other])
