"""Seeds that are trained together end where each of them ends alone."""

import json
from contextlib import ExitStack
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import registry
from metabench.compute.native import use_native
from metabench.conformance import small_settings, strokes_tables
from metabench.contracts.learner import EpisodeLearner, Training, train_shape
from metabench.errors import UserError
from metabench.seeds import root_key
from metabench.tasks.class_table import numbered
from metabench.tasks.host_images import HostImages
from metabench.training import together as together_module
from metabench.training.checkpoints import Checkpoints, steps_in
from metabench.training.meta_training import (
    accuracy_on,
    chunk_on,
    initial_state,
    meta_train_seeds,
)
from metabench.training.together import ApartError, make_chunk_together, together
from metabench.types import EpisodeShape
from tests.training.made_up import PLAN, SHAPE, assert_same, counter, linear, make_table, train
from tests.two_devices import on_two_devices

SEEDS = (0, 1, 4)


def trained(learner=None, plan=PLAN, seeds=SEEDS, folder=None, progress=None):
    """The outcomes of `seeds`, trained together; their checkpoints are below `folder`."""
    learner, table = learner or linear(), make_table(0)
    states = [initial_state(learner, seed) for seed in seeds]
    compiled = together(learner, SHAPE, plan.batch, table, states, plan.chunk)
    validate = accuracy_on(learner, make_table(1), SHAPE, plan.validation_episodes)
    with ExitStack() as stack:
        saved = [None if folder is None else Checkpoints(folder / f"seed{one}") for one in seeds]
        for one in filter(None, saved):
            stack.callback(one.close)
        return meta_train_seeds(
            compiled,
            states,
            table,
            validate,
            plan,
            seeds=seeds,
            checkpoints=saved,
            progress=progress or (lambda seed, report: None),
        )


@pytest.fixture(scope="module")
def alone():
    """Each seed trained by itself."""
    return [train(seed=seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The seeds trained together, the folder of their checkpoints, and what was reported."""
    folder, reports = tmp_path_factory.mktemp("together"), []
    return trained(folder=folder, progress=lambda *told: reports.append(told)), folder, reports


def test_on_one_core_each_seed_ends_in_the_bits_of_its_own_training(alone, ended):
    for one, other in zip(ended[0], alone, strict=True):
        assert_same(one, other)


def test_each_seed_has_the_checkpoints_of_its_own_training(alone, ended):
    for seed, one in zip(SEEDS, alone, strict=True):
        assert_same(train(seed=seed, checkpoints=Checkpoints(ended[1] / f"seed{seed}")), one)


def test_seconds_and_operations_are_divided_among_the_seeds(alone, ended):
    found, _, reports = ended
    assert len({one.seconds for one in found}) == 1
    assert [one.flops for one in found] == [one.flops for one in alone]
    assert [(seed, told.step) for seed, told in reports[:4]] == [(0, 3), (1, 3), (4, 3), (0, 6)]
    assert reports[-1][1].seconds_left == 0


def test_seeds_that_stopped_at_different_steps_go_on_together(alone, tmp_path):
    trained(plan=replace(PLAN, steps=12), seeds=(0, 1), folder=tmp_path)
    trained(plan=replace(PLAN, steps=18), seeds=(1,), folder=tmp_path)
    assert [steps_in(tmp_path / f"seed{seed}") for seed in SEEDS] == [[12], [18], []]
    for one, other in zip(trained(folder=tmp_path), alone, strict=True):
        assert_same(one, other)
    assert [steps_in(tmp_path / f"seed{seed}") for seed in SEEDS] == [[24]] * 3


def test_a_loss_that_is_not_finite_names_the_seed():
    usual = linear()

    def init(key):
        return usual.init(key) | {"bad": jax.random.key_data(key)[0] == bad}

    def step(state, episodes, key):
        after, metrics = usual.training.step(state, episodes, key)
        loss = jnp.where(state["bad"] & (state["step"] == 7), jnp.nan, metrics["loss"])
        return after | {"bad": state["bad"]}, {"loss": loss}

    bad = jax.random.key_data(jax.random.fold_in(root_key(1), 0))[0]
    learner = usual._replace(init=init, training=Training(step))
    with pytest.raises(UserError, match=r"^the loss of seed 1 became nan by step 9; lower"):
        trained(learner)


def on_two():
    """What the other process of the next test does: three seeds on two cores."""
    found, alone = trained(), [train(seed=seed) for seed in SEEDS]
    for one, other in zip(found, alone, strict=True):
        assert_same(one, other)
    print(json.dumps([len(one.last["weights"].devices()) for one in found]))


def test_the_cores_divide_the_seeds():
    assert on_two_devices("tests.training.test_together", "on_two") == [2, 2, 2]


def recorder():
    """A learner that keeps what it saw of every task."""

    def step(state, episodes, key):
        saw = jnp.stack([episodes.support_x.astype(jnp.int32).sum(), episodes.query_y.sum()])
        number = state[0, 0] + 1
        return state.at[number].set(saw).at[0, 0].set(number), {"loss": jnp.float32(0)}

    made = counter()
    return made._replace(init=lambda key: jnp.zeros((9, 2), jnp.int32), training=Training(step))


def test_in_one_vectorised_program_each_seed_draws_the_tasks_that_it_draws_alone():
    found = chunks(recorder(), SHAPE, make_table(0), 2, 8)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    assert not np.array_equal(found[0][0][0], found[0][1][0])


def test_in_one_vectorised_program_the_first_losses_differ_by_rounding():
    """As on an accelerator, where the states of all seeds stand in one array."""
    shape = EpisodeShape(way=3, shot=1, query=2, image=(16, 16, 1))
    learner = registry.build_learner("protonet", shape, small_settings("protonet"))
    table = numbered(strokes_tables((16, 16, 1))["train"])
    found = chunks(learner, train_shape(learner, shape), table, 1, 3)
    for (_, one), (_, other) in zip(*found, strict=True):
        np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-4)


def chunks(learner, shape, table, batch, steps):
    """States and metrics of two seeds after some steps: together, and each alone."""
    devices, keys = jax.devices()[:1], (root_key(0), root_key(1))
    states = tuple(initial_state(learner, seed) for seed in (0, 1))
    run = jax.jit(chunk_on(devices, learner, shape, batch), static_argnames="length")
    with use_native(True):
        program = make_chunk_together(learner, shape, batch, devices)
        alone = [
            run(state, table, key, 0, length=steps) for state, key in zip(states, keys, strict=True)
        ]
        found = program(states, table, keys, 0, length=steps)
    return list(zip(*found, strict=True)), alone


def prepare(learner=None, table=None):
    learner, table = learner or linear(), table or make_table(0)
    states = [initial_state(learner, seed) for seed in SEEDS]
    return together(learner, SHAPE, 2, table, states, 3)


def test_what_cannot_be_together_says_why(monkeypatch):
    table = make_table(0)
    images = HostImages(np.asarray(table.images), np.arange(48))
    with pytest.raises(ApartError, match=r"^their images are read from the host$"):
        prepare(table=table._replace(images=images))

    def step(state, episodes, key):
        form = jax.ShapeDtypeStruct((), jnp.int32)
        found = jax.pure_callback(lambda x: x, form, state, vmap_method="sequential")
        return found + 1, {"loss": jnp.float32(0)}

    on_host: EpisodeLearner = counter()._replace(training=Training(step))
    with pytest.raises(ApartError, match=r"^the learner computes on the host$"):
        prepare(on_host)
    monkeypatch.setattr(together_module, "free_on", lambda devices: 100)
    with pytest.raises(ApartError, match=r"^together they take \d.* GB of memory, and 0.0 GB are"):
        prepare()
    monkeypatch.setattr(together_module, "several", lambda: True)
    with pytest.raises(ApartError, match="several hosts"):
        prepare()
