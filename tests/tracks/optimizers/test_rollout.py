"""Runs of optimizers: paired, the same in any grouping, and right where it can be worked out."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.lstm.baselines import adam, nag, sgd
from metabench.learned_optimizers.problems.quadratic import quadratic
from metabench.tracks.optimizers import rollout
from metabench.tracks.optimizers.rollout import make_rollout
from tests.two_devices import on_two_devices

pytestmark = pytest.mark.slow


def noisy():
    """A parabola around a problem's own centre, with noise of the minibatch."""

    def loss(theta, problem, data, key):
        noise = jax.random.normal(key) + data[jax.random.randint(key, (2,), 0, 6)].sum()
        return jnp.square(theta - problem).sum() + theta.sum() * noise

    return Optimizee(
        problem=lambda key: jax.random.normal(key, (3,)),
        init=lambda key: jax.random.normal(key, (3,)),
        loss=loss,
        measured=lambda theta, problem, data: jnp.square(theta - problem).sum(),
        data=jnp.linspace(-1, 1, 6),
        fills_cpu=True,
    )


def test_the_same_optimizer_twice_gives_the_same_bits():
    one, two = (make_rollout(noisy(), adam, (4, 8), 6, 3)(0.1) for _ in range(2))
    np.testing.assert_array_equal(one.losses, two.losses)
    np.testing.assert_array_equal(one.measured, two.measured)
    assert one.losses.shape == (6, 9)
    assert one.measured.shape == (6, 3)


def test_optimizers_meet_the_same_instances_and_minibatches():
    one, two = (make_rollout(noisy(), make, (3,), 5, 3)(0.0) for make in (sgd, nag))
    np.testing.assert_allclose(one.losses, two.losses, rtol=1e-6)
    assert len(np.unique(one.losses.round(5))) == one.losses.size
    other = make_rollout(noisy(), sgd, (3,), 5, 4)(0.0)
    assert not np.isclose(one.losses, other.losses).any()


@pytest.mark.parametrize("together", [3, 6, 1000])
def test_grouping_changes_nothing(monkeypatch, together):
    expected = make_rollout(noisy(), adam, (4,), 5, 3)(0.1)
    monkeypatch.setattr(rollout, "TOGETHER", together)
    found = make_rollout(noisy(), adam, (4,), 5, 3)(0.1)
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-5)
    np.testing.assert_allclose(found.measured, expected.measured, rtol=1e-5)


def print_runs():
    """What the other process of the next test does: seven instances in four groups."""
    rollout.TOGETHER = 6
    found = make_rollout(noisy(), adam, (2, 4), 7, 3)(0.1)
    print(json.dumps([jax.device_count(), found.losses.tolist(), found.measured.tolist()]))


def test_two_devices_run_what_one_does():
    devices, losses, measured = on_two_devices("tests.tracks.optimizers.test_rollout", "print_runs")
    assert devices == 2
    expected = make_rollout(noisy(), adam, (2, 4), 7, 3)(0.1)
    np.testing.assert_allclose(losses, expected.losses, rtol=1e-5)
    np.testing.assert_allclose(measured, expected.measured, rtol=1e-5)


def test_gradient_descent_on_quadratics_by_hand():
    runs = make_rollout(quadratic(), sgd, (2, 3), 4, 9)(0.01)
    keys = [jax.random.fold_in(rollout.root_key(9), n) for n in range(4)]
    for n, key in enumerate(keys):
        w, y = quadratic().problem(jax.random.fold_in(key, 0))
        w, y = np.float64(w), np.float64(y)
        theta = np.float64(quadratic().init(jax.random.fold_in(key, 1)))
        losses = []
        for _ in range(4):
            losses.append(np.square(w @ theta - y).sum())
            theta = theta - 0.01 * 2 * w.T @ (w @ theta - y)
        np.testing.assert_allclose(runs.losses[n], losses, rtol=1e-3)
        np.testing.assert_allclose(runs.measured[n], [losses[0], losses[2], losses[3]], rtol=1e-3)
