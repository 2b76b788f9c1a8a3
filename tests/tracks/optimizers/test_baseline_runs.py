"""Baselines: tuned for each number of steps, a rate that falls, and what the document says."""

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.lstm.baselines import BASELINES, falling, sgd
from metabench.tracks.optimizers import rates
from metabench.tracks.optimizers.baseline_runs import described, run_tuned, tune
from metabench.tracks.optimizers.tuning import Trial


def parabola(tuning=2):
    """0.5 a θ², a = 1 and 0.1."""
    curvature = jnp.array([1.0, 0.1])

    def loss(theta, *rest):
        return 0.5 * (curvature * jnp.square(theta)).sum()

    return Optimizee(
        problem=lambda key: (), init=lambda key: jnp.array([3.0, -1.0]), loss=loss, measured=loss,
        tuning=tuning,
    )  # fmt: skip


def after(rate, steps):
    return 0.5 * (9 * (1 - rate) ** (2 * steps) + 0.1 * (1 - 0.1 * rate) ** (2 * steps))


def test_gradient_descent_is_tuned_for_each_number_of_steps():
    """After one step the best rate is near 1, after 30 nearer to 2, where it would diverge."""
    tuned = tune(parabola(), BASELINES["sgd"], (1, 30))
    assert len(tuned.searches) == 1
    for number, steps in enumerate((1, 30)):
        rows = {trial.rate: score for trial, score in tuned.tried(number)}
        np.testing.assert_allclose(rows[0.1], after(0.1, steps), rtol=1e-4)
        assert tuned.best[number].rate == min(rows, key=lambda rate: after(rate, steps))
    assert tuned.best[0].rate == 1.0
    assert 1.5 < tuned.best[1].rate < 2
    document = described({"sgd": tuned}, (1, 30))["sgd"]
    assert document["rate"] == 1.0
    assert document["trials"] == tuned.tries == len(document["tried"][1]["rates"])
    assert [one["steps"] for one in document["chosen"]] == [1, 30]


def test_the_runs_to_each_stop_have_its_own_rate():
    best = (Trial(1.0, 0.0, ()), Trial(1.8, 0.0, ()))
    entry = run_tuned(parabola(), BASELINES["sgd"], best, (1, 30), 2)
    assert entry.varies
    for number, (rate, steps) in enumerate(((1.0, 1), (1.8, 30))):
        (runs,) = entry.by_stop[number]
        assert runs.losses.shape == (2, steps + 1)
        np.testing.assert_allclose(runs.measured[:, 1], after(rate, steps), rtol=1e-4)
    np.testing.assert_allclose(entry.first[0].losses[:, 30], after(1.0, 30), rtol=1e-4)


def test_a_rate_that_falls_reaches_zero_at_the_end():
    """Gradients of 1 for six steps of a run of four."""
    optimizer, theta, seen = falling(sgd(0.4), 4), jnp.zeros(1), []
    state = optimizer.init(theta)
    for _ in range(6):
        update, state = optimizer.update(jnp.ones(1), state)
        seen.append(float(update[0]))
    np.testing.assert_allclose(seen, [-0.4, -0.3, -0.2, -0.1, 0, 0], atol=1e-6)


def test_a_falling_rate_depends_on_the_length_of_the_run():
    best = (Trial(0.4, 0.0, ()),) * 2
    made = BASELINES["nag_linear"]._replace(make=lambda rate, _, steps: falling(sgd(rate), steps))
    entry = run_tuned(parabola(), made, best, (2, 4), 2)
    factors = {2: (0.6, 0.8), 4: (0.6, 0.7, 0.8, 0.9)}
    for (runs,), steps in zip(entry.by_stop, (2, 4), strict=True):
        first = 3 * np.prod(factors[steps])
        second = np.prod([1 - 0.1 * (1 - one) for one in factors[steps]])
        expected = 0.5 * (first**2 + 0.1 * second**2)
        np.testing.assert_allclose(runs.measured[:, 1], expected, rtol=1e-4)


def test_what_was_tuned_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(rates, "BASELINES", {"sgd": BASELINES["sgd"]})
    calls = []

    def tune_all(optimizee, stops, progress, keep):
        calls.append(stops)
        return {"sgd": tune(optimizee, BASELINES["sgd"], stops, keep)}

    monkeypatch.setattr(rates, "tune_all", tune_all)
    first = rates.rates("parabola", parabola(), (1, 2), tmp_path)
    assert rates.rates("parabola", parabola(), (1, 2), tmp_path) == first
    assert calls == [(1, 2)]
    rates.rates("parabola", parabola(), (1,), tmp_path)
    assert calls == [(1, 2), (1,)]
    assert isinstance(first["sgd"].best[0], Trial)


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_all_baselines_go_down(name):
    baseline = BASELINES[name]
    best = (Trial(0.1, baseline.values[0], ()),)
    (runs,) = run_tuned(parabola(), baseline, best, (10,), 2).by_stop[0]
    assert (runs.measured[:, 1] < 0.7 * runs.measured[:, 0]).all()
