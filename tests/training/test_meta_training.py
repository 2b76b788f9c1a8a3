"""Meta-training: what its history holds, and which state is kept."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.learner import EpisodeLearner, Training
from metabench.errors import UserError
from metabench.seeds import VALIDATION_SEED
from metabench.training.loop import Trained
from metabench.training.meta_training import SETTLING, accuracy_on, meta_train
from tests.training.made_up import PLAN, SHAPE, counter, linear, make_table, plain_table, train


def test_history_has_a_row_for_each_validation(uninterrupted):
    assert [point.step for point in uninterrupted.history] == [6, 12, 18, 24]
    assert int(uninterrupted.last["step"]) == 24
    seconds = [point.seconds for point in uninterrupted.history]
    assert sorted(seconds) == seconds
    assert uninterrupted.seconds == seconds[-1] > 0


def test_the_last_leg_may_be_shorter():
    found = train(plan=replace(PLAN, steps=8))
    assert [point.step for point in found.history] == [6, 8]
    assert int(found.last["step"]) == 8


@pytest.mark.parametrize("best_at", [6, 12, 24])
def test_the_state_that_validates_best_is_kept(best_at):
    table = plain_table()
    found = train(counter(best_at), tables=(table, table))
    assert found.best_step == int(found.state) == best_at
    assert found.best_validation == 1.0
    assert int(found.last) == 24
    assert [p.validation for p in found.history] == [
        float(step == best_at) for step in (6, 12, 18, 24)
    ]


def test_the_best_or_the_last_state_is_selected_with_its_own_validation():
    table = plain_table()
    found = train(counter(12), tables=(table, table))
    best, last = found.selected("best"), found.selected("last")
    assert (int(best.state), best.step, best.validation) == (12, 12, 1.0)
    assert (int(last.state), last.step, last.validation) == (24, 24, 0.0)
    untrained = Trained("state", "state")
    assert untrained.selected("last") == untrained.selected("best") == ("state", 0, None)


@pytest.mark.parametrize("first", [float("nan"), -1.0])
def test_a_state_whose_measure_is_no_number_is_never_the_best(first):
    measures = iter((first, -3.0, float("nan"), -2.0))
    found = meta_train(counter(), SHAPE, plain_table(), lambda state: next(measures), PLAN, seed=0)
    best = {True: (-2.0, 24), False: (-1.0, 6)}[first != first]
    assert (found.best_validation, found.best_step) == best
    assert int(found.state) == best[1]


def test_validation_does_not_prefer_a_state_that_answers_no_numbers():
    """A state without numbers is worth less than one that answers always the same."""

    def predict(state, x):
        return jnp.full((x.shape[0], 3), jnp.where(state <= 12, jnp.nan, 0.0))

    learner = counter()._replace(predict=predict, adapt=lambda state, x, y, key: state)
    found = train(learner)
    assert [p.validation for p in found.history] == [0.0, 0.0, pytest.approx(1 / 3), 1 / 3]
    assert found.best_step == 18


def test_of_equally_good_states_the_first_is_kept():
    table = plain_table()
    found = train(counter(), tables=(table, table))
    assert found.best_step == int(found.state) == 6


def test_history_holds_mean_losses_and_accuracies():
    table = plain_table()
    found = train(counter(), replace(PLAN, steps=10), tables=(table, table))
    assert [p.loss for p in found.history] == [2.5, 7.5]  # means of 0 … 5 and of 6 … 9
    assert [p.train_accuracy for p in found.history] == [0.5, 0.5]


def test_training_meets_the_training_classes_and_validation_the_others():
    """A learner that fails on any image of the other table."""

    def picky(low, high):
        def train(state, episodes, key):
            images = jnp.concatenate([episodes.support_x.ravel(), episodes.query_x.ravel()])
            strange = (images < low) | (images > high)
            return state, {"loss": strange.sum().astype(jnp.float32)}

        def predict(task, x):
            return jnp.where((x[:, 0, 0, :] > high), jnp.ones((1, 3)), jnp.nan)

        return EpisodeLearner(
            lambda key: jnp.int32(0), lambda s, x, y, k: s, predict, Training(train)
        )

    dark, bright = (jnp.full((48, 4, 4, 1), value, jnp.uint8) for value in (10, 90))
    table = make_table(0)
    tables = (table._replace(images=dark), table._replace(images=bright))
    found = train(picky(10, 10), tables=tables)
    assert all(point.loss == 0 for point in found.history)


def test_validation_is_the_same_for_every_seed(monkeypatch):
    seeds = []

    def recording(*inputs, seed, **options):
        seeds.append(seed)
        return np.zeros(1)

    monkeypatch.setattr("metabench.training.meta_training.evaluate", recording)
    for seed in (0, 5):
        train(plan=replace(PLAN, steps=6), seed=seed)
    assert seeds == [VALIDATION_SEED] * 2


def test_train_shape_is_that_of_the_training_episodes():
    seen = set()

    def spying(learner):
        def train(state, episodes, key):
            seen.add((episodes.support_x.shape[:2], episodes.query_x.shape[:2]))
            return learner.training.step(state, episodes, key)

        return learner._replace(training=Training(train, replace(SHAPE, way=3, shot=2, query=3)))

    train(spying(linear()), plan=replace(PLAN, steps=4))
    assert seen == {((2, 6), (2, 9))}


def test_a_loss_that_is_not_finite_stops_the_run():
    with pytest.raises(UserError, match=r"the loss became inf by step 12; lower `learning_rate`"):
        train(linear(blow_up_at=10))


def test_progress_is_reported_after_each_chunk():
    seen = []
    train(plan=replace(PLAN, steps=12), progress=seen.append)
    assert [report.step for report in seen] == [3, 6, 9, 12]
    assert seen[0].validation is None
    assert seen[2].validation is not None
    assert seen[-1].seconds_left == 0
    assert all(report.steps == 12 and report.episodes_per_second > 0 for report in seen)


def test_the_best_and_the_last_state_are_tested_as_they_were_validated_settled():
    learner = counter(best_at=-1)
    seen = []

    def settle(state, tasks, key, number):
        assert tasks.support_x.shape[0] == PLAN.batch
        return state % 100 + 100 * (number + 1)  # the steps that were taken, and a statistic

    settled = learner._replace(training=learner.training._replace(settle=settle))
    accuracy = accuracy_on(settled, plain_table(), SHAPE, 4)

    def validate(state):
        seen.append(int(state))
        return accuracy(state) + len(seen)  # the last is the best

    found = meta_train(settled, SHAPE, plain_table(), validate, PLAN, seed=0)
    added = 100 * SETTLING
    assert seen == [added + step for step in (6, 12, 18, 24)]
    for select in ("best", "last"):
        tested = found.selected(select)
        assert (int(tested.state), tested.step) == (added + 24, 24)
