"""The evaluator counts what a hand-made learner is known to get right."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.learner import EpisodeLearner
from metabench.scoring import episodes as module
from metabench.scoring.episodes import adaptation_ms, evaluate, make_evaluator, tallies
from metabench.scoring.summary import summarise
from metabench.seeds import root_key
from metabench.tasks.episodes import sample_batch, sample_index_batch
from metabench.types import ClassTable, EpisodeShape
from tests.two_devices import on_two_devices

SHAPE = EpisodeShape(way=3, shot=1, query=4, image=(2, 2, 1))


def make_table():
    """Image i, of class i // 6, is filled with i."""
    images = jnp.broadcast_to(jnp.arange(30, dtype=jnp.uint8)[:, None, None, None], (30, 2, 2, 1))
    members = jnp.arange(30, dtype=jnp.int32).reshape(5, 6)
    return ClassTable(images, members, jnp.full(5, 6), jnp.arange(5))


def reader(wrong=lambda image: image < 0):
    """Knows that image i is of class i // 6; answers the next label where `wrong(i)`."""

    def adapt(state, support_x, support_y, key):
        return jnp.zeros(3, jnp.int32).at[support_y].set(support_x[:, 0, 0, 0] // 6)

    def predict(task, query_x):
        image = query_x[:, 0, 0, 0].astype(jnp.int32)
        right = (image // 6)[:, None] == task[None]
        return jnp.where(wrong(image)[:, None], jnp.roll(right, 1, axis=1), right) * 1.0

    return EpisodeLearner(init=lambda key: (), adapt=adapt, predict=predict)


def noisy():
    """Answers at random, from the key."""

    def predict(task, query_x):
        return jax.random.uniform(task, (query_x.shape[0], 3))

    return EpisodeLearner(init=lambda key: (), adapt=lambda s, x, y, key: key, predict=predict)


batch_of = jax.jit(sample_batch, static_argnums=3)


def counts(learner, episodes=10, **options):
    return evaluate(learner, (), make_table(), SHAPE, seed=3, episodes=episodes, **options)


def test_all_right():
    found = counts(reader())
    assert found.dtype == np.int32
    assert found.tolist() == [12] * 10


def test_counts_are_those_of_the_known_errors():
    episodes = batch_of(root_key(3), jnp.arange(10), make_table(), SHAPE)
    images = np.asarray(episodes.query_x[..., 0, 0, 0])
    found = counts(reader(lambda image: image % 5 == 0))
    assert found.tolist() == (images % 5 != 0).sum(1).tolist()
    assert len(set(found.tolist())) > 1


@pytest.mark.parametrize("learner", [reader(lambda image: image % 3 == 0), noisy()])
def test_chunks_change_nothing(learner, monkeypatch):
    whole = counts(learner, 10)
    assert len(whole) == 10
    for chunk in (4, 16):  # the last chunk is partial; the only one is
        monkeypatch.setattr(module, "chunk_size", lambda shape, chunk=chunk: chunk)
        np.testing.assert_array_equal(counts(learner, 10), whole)
    np.testing.assert_array_equal(counts(learner, 7), whole[:7])


@pytest.mark.parametrize("workers", [1, 3])
def test_chunks_on_several_cores_keep_their_order(workers, monkeypatch):
    whole, seen = counts(noisy(), 30), []
    monkeypatch.setattr(module, "chunk_size", lambda shape: 2)
    monkeypatch.setattr(module, "_workers", lambda devices: workers)
    np.testing.assert_array_equal(counts(noisy(), 30, progress=seen.append), whole)
    assert seen == list(range(2, 31, 2))


def test_what_fails_on_another_core_is_raised(monkeypatch):
    monkeypatch.setattr(module, "chunk_size", lambda shape: 2)
    calls = []

    def run(state, table, key, indices):
        calls.append(indices)
        if len(calls) > 1:
            raise FloatingPointError("no number")
        return indices

    with pytest.raises(FloatingPointError):
        counts(reader(), 30, evaluator=run)


@pytest.mark.parametrize("theirs", [None, "bfloat16"])
def test_products_are_of_32_bit_floats_whatever_the_device_rounds_to(theirs):
    seen = []
    right = reader()

    def predict(task, query_x):
        seen.append(jax.config.jax_default_matmul_precision)
        return right.predict(task, query_x)

    with jax.default_matmul_precision(theirs):
        counts(right._replace(predict=predict))
    assert set(seen) == {"float32"}


def test_one_compilation_whatever_the_number_of_episodes(monkeypatch):
    monkeypatch.setattr(module, "chunk_size", lambda shape: 4)
    run = make_evaluator(reader(), SHAPE)
    for episodes in (4, 6, 9):
        counts(reader(), episodes, evaluator=run)
    assert run._cache_size() == 1


def test_progress_ends_at_the_number_of_episodes(monkeypatch):
    monkeypatch.setattr(module, "chunk_size", lambda shape: 4)
    seen = []
    counts(reader(), 10, progress=seen.append)
    assert seen == [4, 8, 10]


def test_seeds_are_different_streams():
    wrong = reader(lambda image: image % 5 == 0)
    run = make_evaluator(wrong, SHAPE)
    found = [
        evaluate(wrong, (), make_table(), SHAPE, seed=seed, episodes=20, evaluator=run)
        for seed in (0, 1, 0)
    ]
    assert found[0].tolist() == found[2].tolist() != found[1].tolist()


@pytest.mark.parametrize("one_class", [False, True])
def test_a_query_whose_scores_are_no_numbers_is_wrong(one_class):
    """The highest of such scores is the first, and every third query is of the first class."""
    right = reader()

    def predict(task, query_x):
        image = query_x[:, :1, 0, 0].astype(jnp.int32)
        column = jnp.arange(3)[None] == 2
        gone = (image % 5 == 0) & (column if one_class else True)
        return jnp.where(gone, jnp.nan, right.predict(task, query_x))

    episodes = batch_of(root_key(3), jnp.arange(10), make_table(), SHAPE)
    gone = (np.asarray(episodes.query_x[..., 0, 0, 0]) % 5 == 0).sum(1)
    learner = right._replace(predict=predict)
    found = tallies(learner, (), make_table(), SHAPE, seed=3, episodes=10)
    assert found.unanswered.tolist() == gone.tolist()
    assert found.correct.tolist() == counts(learner).tolist() == (12 - gone).tolist()
    assert gone.any()


def test_a_learner_that_answers_no_numbers_has_no_right_answer():
    learner = reader()._replace(predict=lambda task, x: jnp.full((x.shape[0], 3), jnp.nan))
    assert counts(learner).tolist() == [0] * 10
    given = sample_index_batch(root_key(3), jnp.arange(10), make_table(), SHAPE)
    table = make_table()._replace(fixed=given)
    assert evaluate(learner, (), table, SHAPE, seed=0, episodes=10).tolist() == [0] * 10


def test_answers_are_alike_where_an_episode_has_one_answer():
    def predict(task, query_x):
        return jnp.zeros((query_x.shape[0], 3)).at[:, task].set(1.0)

    def adapt(state, x, y, key):
        return jax.random.randint(key, (), 0, 3)

    learner = EpisodeLearner(init=lambda key: (), adapt=adapt, predict=predict)
    for one, alike in ((learner, [True] * 10), (reader(), [False] * 10)):
        found = tallies(one, (), make_table(), SHAPE, seed=3, episodes=10)
        assert found.alike.tolist() == alike


def test_interval_by_hand():
    # accuracies 0.25, 0.5, 1: mean 7/12, deviations -1/3, -1/12, 5/12, variance 7/48
    found = summarise(np.array([1, 2, 4]), 4)
    assert found.mean == pytest.approx(7 / 12)
    assert found.ci95 == pytest.approx(1.96 * np.sqrt(7 / 48) / np.sqrt(3))
    assert summarise(np.array([3]), 4) == (0.75, 0.0)


def test_adaptation_time_is_that_of_adapt_alone(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock) ** 2 / 1000)
    # Differences of consecutive squares at even numbers: 1, 5, 9, 13; the first one compiles.
    assert adaptation_ms(reader(), (), make_table(), SHAPE, repeats=3) == pytest.approx(9)


def print_counts():
    """What the other process of the next test does."""
    found = [counts(noisy(), 7), counts(reader(lambda image: image % 3 == 0), 7)]
    print(json.dumps([jax.device_count(), np.stack(found).tolist()]))


def test_two_devices_count_as_one_does():
    devices, found = on_two_devices("tests.scoring.test_episodes", "print_counts")
    assert devices == 2
    expected = [counts(noisy(), 7), counts(reader(lambda image: image % 3 == 0), 7)]
    assert found == np.stack(expected).tolist()
