"""Meta-training: it learns, and a training that continues ends in the same bits."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from metabench.compute import columnwise
from metabench.errors import UserError
from metabench.learned_optimizers.problems.quadratic import quadratic
from metabench.tracks.optimizers import meta_training
from metabench.tracks.optimizers.meta_training import make_chunk, make_validation, meta_train
from metabench.tracks.optimizers.plan import LstmPlan
from metabench.training.checkpoints import Checkpoints
from tests.tracks.optimizers.test_rollout import noisy
from tests.two_devices import on_two_devices

pytestmark = pytest.mark.slow

SHORT = LstmPlan(
    units=3,
    layers=1,
    horizon=4,
    truncation=2,
    instances=8,
    episodes=4,
    coordinates=30,
    validate_every=2,
    validation_instances=4,
    chunk=2,
)


@pytest.fixture(scope="module")
def functions():
    """The compiled functions of `SHORT` on quadratics."""
    return make_chunk(quadratic(), SHORT), make_validation(quadratic(), SHORT)


@pytest.fixture
def compiled_once(functions, monkeypatch):
    chunk, validation = functions
    monkeypatch.setattr(meta_training, "make_chunk", lambda optimizee, plan: chunk)
    monkeypatch.setattr(meta_training, "make_validation", lambda optimizee, plan: validation)


@pytest.mark.usefixtures("compiled_once")
def test_a_training_that_continues_ends_in_the_same_bits(tmp_path):
    whole = meta_train(quadratic(), SHORT, seed=3)
    broken = Checkpoints(tmp_path / "run")

    class Stopped(Exception):
        pass

    def stop(report):
        if report.step == 4:
            raise Stopped

    with pytest.raises(Stopped):
        meta_train(quadratic(), SHORT, seed=3, checkpoints=broken, progress=stop)
    broken.close()
    again = Checkpoints(tmp_path / "run")
    assert again.newest(whole.state).step == 2
    continued = meta_train(quadratic(), SHORT, seed=3, checkpoints=again)
    again.close()
    jax.tree.map(np.testing.assert_array_equal, continued.last, whole.last)
    jax.tree.map(np.testing.assert_array_equal, continued.state, whole.state)
    assert [p.validation for p in continued.history] == [p.validation for p in whole.history]


@pytest.mark.usefixtures("compiled_once")
def test_the_best_in_validation_is_kept_and_seeds_differ():
    found = meta_train(quadratic(), SHORT, seed=0)
    losses = [-point.validation for point in found.history]
    assert found.best_step == 2 * (1 + int(np.argmin(losses)))
    assert found.best_validation == -min(losses)
    other = meta_train(quadratic(), SHORT, seed=1)
    kernels = [one.last.weights["all"].layers[0].kernel for one in (found, other)]
    assert not np.array_equal(*kernels)


def trained():
    """States after meta-training on 9 coordinates, with their whole gradient and an estimate."""
    found = []
    for coordinates in (None, 2):
        plan = replace(SHORT, instances=3, validation_instances=3, coordinates=coordinates)
        last = meta_train(noisy()._replace(fills_cpu=False), plan, seed=0)
        found.append(
            [leaf.tolist() for leaf in jax.tree.leaves(last.last)] + [last.best_validation]
        )
    return found


def print_trained():
    """What the other process of the next test does."""
    columnwise.LEAST = 4
    plan, task = replace(SHORT, instances=3), noisy()
    devices = [
        len(meta_training.meta_training_devices(task._replace(fills_cpu=fills), plan))
        for fills in (False, True)
    ]
    print(json.dumps([devices, trained()]))


def test_two_devices_train_as_one_does():
    devices, states = on_two_devices("tests.tracks.optimizers.test_meta_training", "print_trained")
    assert devices == [2, 1]  # where gradients fill all of them, one
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), states, trained()
    )


def test_validation_at_several_horizons_is_their_geometric_mean():
    plan = replace(SHORT, horizons=(4, 8))
    state = meta_training.first_state(
        quadratic(), meta_training.rule_of(plan), meta_training.meta_optimizer_of(plan),
        jax.random.key(0), plan.units, plan.layers,
    )  # fmt: skip
    both = make_validation(quadratic(), plan)(state)
    alone = [make_validation(quadratic(), replace(SHORT, horizon=n))(state) for n in (4, 8)]
    assert both == pytest.approx(-np.sqrt(alone[0] * alone[1]), rel=1e-4)


@pytest.mark.slow
def test_it_learns_to_go_down(optimised):
    """After 60 episodes the loss at step 20 is a small part of what untrained weights leave."""
    plan = LstmPlan(
        horizon=20, truncation=10, instances=32, episodes=60, validate_every=1, chunk=1,
        validation_instances=64,
    )  # fmt: skip
    history = meta_train(quadratic(), plan, seed=0).history
    assert -history[0].validation > 20
    assert -history[-1].validation < 0.25 * -history[0].validation


def test_a_loss_that_is_no_number_is_told(monkeypatch):
    broken = quadratic()._replace(loss=lambda theta, problem, data, key: theta.sum() * np.nan)
    with pytest.raises(UserError, match="lower `learning_rate`"):
        meta_train(broken, SHORT, seed=0)
