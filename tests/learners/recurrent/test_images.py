"""Learners that read sequences: what they are shown, what they learn, both protocols."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import registry
from metabench.errors import UserError
from metabench.learners.common.neighbours import votes
from metabench.learners.recurrent.images import stream_shape
from metabench.scoring.episodes import evaluate
from metabench.seeds import root_key
from metabench.tasks.class_table import check_fits
from metabench.tasks.detail import between_pixels
from metabench.tasks.episodes import sample
from metabench.tasks.streams import sample_streams, shown
from metabench.training.meta_training import SETTLING, initial_state, make_chunk, make_settling
from metabench.types import ClassTable, EpisodeShape, StreamShape

pytestmark = pytest.mark.slow

SHAPE = StreamShape(way=3, presentations=4, image=(4, 4, 1))
NAMES = ("fast_weights", "lstm", "mann", "ntm")
SMALL = {"width": 24, "warmup": 0, "decay": "constant"}


@pytest.fixture(scope="module")
def bars():
    """Sixteen classes, each a bright pixel in a place of its own, of varying strength."""
    places = jnp.eye(16, dtype=jnp.uint8).repeat(8, axis=0).reshape(128, 4, 4, 1)
    strength = jnp.tile(jnp.arange(8, dtype=jnp.uint8) * 10 + 180, 16)
    return ClassTable(
        images=places * strength[:, None, None, None],
        members=jnp.arange(128, dtype=jnp.int32).reshape(16, 8),
        counts=jnp.full(16, 8, jnp.int32),
        class_ids=jnp.arange(16, dtype=jnp.int32),
    )


def built(name, shape=SHAPE, **settings):
    """A small learner, its functions compiled."""
    learner = registry.build_learner(name, shape, {**SMALL, **settings})
    names = {"adapt", "predict", "answer"} & set(learner._fields)
    training = learner.training._replace(step=jax.jit(learner.training.step))
    compiled = {name: jax.jit(getattr(learner, name)) for name in names}
    return learner._replace(training=training, **compiled)


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize(
    ("name", "settings"), [*((n, {}) for n in NAMES), ("lstm", {"norm": "batch"})]
)
def test_they_learn_to_bind_labels_to_images(name, settings, bars):
    shape = StreamShape(way=2, presentations=4, image=(4, 4, 1))
    six = bars._replace(members=bars.members[:6], counts=bars.counts[:6])
    learner = built(name, shape, learning_rate=1e-2, **settings)
    run, state = make_chunk(learner, learner.training.shape, 32), initial_state(learner, 0)
    state, _ = run(state, six, root_key(0), jnp.int32(0), 800)
    settle = make_settling(learner, learner.training.shape, 32)
    state = state if settle is None else settle(state, six, root_key(0))
    counts = evaluate(learner, state, six, shape, seed=1, episodes=128)
    assert counts.shape == (128, 4)
    found = (counts.mean(0) / shape.way).tolist()
    assert min(found[1:]) > 0.9, found  # chance is 1/2
    # The first label must be guessed; that of the other class follows from it.
    assert abs(found[0] - 0.75) < 0.12, found


@pytest.mark.parametrize("name", NAMES)
def test_training_and_test_read_a_stream_alike(name, bars):
    learner = built(name)
    state, streams = (
        initial_state(learner, 0),
        sample_streams(root_key(0), jnp.arange(2), bars, SHAPE),
    )
    _, metrics = learner.training.step(state, streams, root_key(1))
    logits = jax.vmap(lambda s: learner.answer(state, s.xs, shown(s), root_key(2)))(streams)
    wanted = jax.vmap(lambda codes, ys: codes[ys])(streams.codes, streams.ys)
    expected = -(wanted * jax.nn.log_softmax(logits)).sum(-1).mean()
    np.testing.assert_allclose(metrics["loss"], expected, rtol=1e-4)


def test_queries_are_read_from_where_the_supports_ended(bars):
    shape = EpisodeShape(way=3, shot=2, query=1, image=(4, 4, 1))
    learner, online = built("lstm", shape), built("lstm", stream_shape(shape, None))
    state, key = initial_state(learner, 0), root_key(3)
    episode = sample(root_key(0), 0, bars, shape)
    found = learner.predict(
        learner.adapt(state, episode.support_x, episode.support_y, key), episode.query_x
    )
    order = jax.random.permutation(key, 6)
    labels = jnp.concatenate([jnp.zeros((1, 3)), jax.nn.one_hot(episode.support_y[order], 3)])
    for query, logits in zip(episode.query_x, found, strict=True):
        xs = jnp.concatenate([episode.support_x[order], query[None]])
        expected = online.answer(state, xs, labels, key)[-1]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_augmentation_moves_training_images_only(bars):
    streams = sample_streams(root_key(0), jnp.arange(2), bars, SHAPE)
    plain, moved = built("lstm"), built("lstm", augment=True)
    state = initial_state(plain, 0)
    losses = [one.training.step(state, streams, root_key(1))[1]["loss"] for one in (plain, moved)]
    assert losses[0] != losses[1]
    answers = [
        one.answer(state, streams.xs[0], jnp.zeros((12, 3)), root_key(1)) for one in (plain, moved)
    ]
    np.testing.assert_array_equal(*answers)


def test_moved_training_images_are_drawn_in_detail(bars):
    plain, moved = built("lstm"), built("lstm", augment=True)
    assert plain.training.shape == SHAPE
    assert moved.training.shape == replace(SHAPE, image=(12, 12, 1))
    fine = bars._replace(images=jnp.asarray(between_pixels(np.asarray(bars.images), 3)))
    streams = sample_streams(root_key(0), jnp.arange(2), fine, moved.training.shape)
    state, metrics = moved.training.step(initial_state(moved, 0), streams, root_key(1))
    assert np.isfinite(metrics["loss"])
    assert state.params["net"].inputs.shape[0] == 16 + 3  # pixels of the test, and a label


@pytest.mark.parametrize("augment", [False, True])
def test_statistics_are_those_of_many_training_streams_with_the_weights_of_the_test(bars, augment):
    learner = built("lstm", norm="batch", augment=augment)
    state, key = initial_state(learner, 0), root_key(7)
    streams = sample_streams(root_key(0), jnp.arange(8), bars, SHAPE)
    trained, _ = learner.training.step(state, streams, root_key(1))
    for one, other in zip(*map(jax.tree.leaves, (state, trained)), strict=True):
        assert one.shape == other.shape
    settled = make_settling(learner, learner.training.shape, 8)(trained, bars, key)
    mean, number = 0, jax.random.fold_in(key, 4)
    for batch in range(SETTLING):
        indices = batch * 8 + jnp.arange(8)
        found = sample_streams(number, indices, bars, SHAPE)
        read = found.xs[:, 0].reshape(8, -1) / 255  # at the first step no label is shown
        read = jnp.concatenate([read, jnp.zeros((8, 3))], axis=1)
        mean = mean + (read @ settled.params["net"].inputs).mean(0) / SETTLING
    exact = np.allclose(settled.statistics.inputs.mean[0], mean, rtol=1e-3, atol=1e-4)
    assert exact is not augment  # with it, of the moved images that are trained on
    for one, other in zip(*map(jax.tree.leaves, (settled.params, trained.params)), strict=True):
        np.testing.assert_array_equal(one, other)
    later, same = (learner.training.step(s, streams, root_key(2))[0] for s in (trained, settled))
    for one, other in zip(*map(jax.tree.leaves, (later.params, same.params)), strict=True):
        np.testing.assert_array_equal(one, other)  # a step does not read the statistics


def test_letters_have_twenty_five_outputs_for_any_way(bars):
    learner = built("mann", StreamShape(8, 2, (4, 4, 1), "letters"))
    assert learner.training.shape.labels == "letters"
    streams = sample_streams(root_key(0), jnp.arange(1), bars, learner.training.shape)
    one = jax.tree.map(lambda leaf: leaf[0], streams)
    state = jax.eval_shape(learner.init, root_key(0))
    answers = jax.eval_shape(learner.answer, state, one.xs, shown(one), root_key(0))
    assert answers.shape == (16, 25)


def test_training_streams_of_episodes_have_one_presentation_more_than_shots(bars):
    shape = EpisodeShape(way=5, shot=3, query=2, image=(4, 4, 1))
    assert stream_shape(shape, None) == StreamShape(5, 4, (4, 4, 1))
    assert stream_shape(shape, 7).presentations == 7
    assert stream_shape(SHAPE, None) == SHAPE
    with pytest.raises(UserError, match="`presentations` is 1"):
        stream_shape(shape, 1)
    check_fits(bars, stream_shape(shape, None), "bars")


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("mann", {"heads": 0}, "`heads`"),
        ("mann", {"heads": 4, "rows": 3}, "`rows`"),
        ("mann", {"usage_decay": 1.5}, "`usage_decay`"),
        ("mann", {"controller": "gru"}, "`controller`"),
        ("lstm", {"norm": "layer"}, "`norm`"),
        ("lstm", {"norm": "batch", "segment": 5}, "`segment`"),
        ("fast_weights", {"settle": 0}, "`settle`"),
        ("ntm", {"warmup": -1}, "`warmup`"),
    ],
)
def test_wrong_values_are_refused(name, settings, said):
    with pytest.raises(UserError, match=said):
        built(name, **settings)


def test_the_nearest_earlier_image_decides():
    similarity = jnp.float32(
        [[1, 0.9, 0.1, 0.2], [0.9, 1, 0.5, 0.8], [0.1, 0.5, 1, 0.9], [0.2, 0.8, 0.9, 1]]
    )
    codes = jnp.eye(3)[jnp.array([0, 1, 1, 0])]
    labels = jnp.concatenate([jnp.zeros((1, 3)), codes[:-1]])
    one = np.asarray(votes(similarity, labels, 1))
    np.testing.assert_array_equal(one[0], np.zeros(3))
    np.testing.assert_array_equal(one[1:].argmax(1), [0, 1, 1])
    every = np.asarray(votes(similarity, labels, 4))
    np.testing.assert_allclose(every[3], [1.0002, 2.0017, 0], atol=1e-6)


def test_pixels_find_bars_again_in_the_online_protocol(bars):
    learner = registry.build_learner("pixel_nn", SHAPE, {"ink": "bright"})
    counts = evaluate(learner, (), bars, SHAPE, seed=0, episodes=64)
    assert (counts[:, 1:] == SHAPE.way).all()
    assert counts[:, 0].mean() < 0.6 * SHAPE.way
