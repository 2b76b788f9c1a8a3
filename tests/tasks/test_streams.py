"""Streams and label codes: what is drawn, what is shown when, and that nothing else decides it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.seeds import root_key
from metabench.tasks.class_table import check_fits
from metabench.tasks.label_codes import codes, cross_entropy, groups, right
from metabench.tasks.streams import sample_streams, shown, stream_digest
from metabench.types import StreamShape

SHAPE = StreamShape(way=5, presentations=4, image=(28, 28, 1))


@pytest.fixture(scope="module")
def table(strokes_table):
    return strokes_table["test"]


def streams(table, shape=SHAPE, number=64):
    return jax.jit(sample_streams, static_argnames="shape")(
        root_key(0), jnp.arange(number), table, shape
    )


def test_each_class_comes_equally_often_and_no_image_twice(table):
    found = streams(table)
    assert found.xs.shape == (64, 20, 28, 28, 1)
    assert found.xs.dtype == jnp.uint8
    for one in range(64):
        np.testing.assert_array_equal(np.bincount(found.ys[one]), [4] * 5)
        assert len(np.unique(np.asarray(found.xs[one]).reshape(20, -1), axis=0)) == 20
        assert len(np.unique(found.class_ids[one])) == 5


def test_images_are_of_the_class_that_the_label_stands_for(table):
    found = streams(table)
    owner = {}
    for row, members in enumerate(np.asarray(table.members)):
        for image in members:
            owner[np.asarray(table.images[image]).tobytes()] = int(table.class_ids[row])
    for one in range(8):
        seen = [owner[np.asarray(x).tobytes()] for x in found.xs[one]]
        np.testing.assert_array_equal(seen, found.class_ids[one][found.ys[one]])


def test_turns_count_the_earlier_meetings(table):
    found = streams(table)
    for ys, turns in zip(np.asarray(found.ys), np.asarray(found.turns), strict=True):
        np.testing.assert_array_equal(turns, [(ys[:i] == ys[i]).sum() for i in range(20)])


def test_the_order_is_uniform(table):
    found = streams(table, number=4000)
    share = np.stack([(np.asarray(found.ys) == label).mean(0) for label in range(5)])
    assert np.abs(share - 0.2).max() < 5 * np.sqrt(0.16 / 4000)
    repeated = (found.ys[:, 1:] == found.ys[:, :-1]).mean()
    assert abs(repeated - 3 / 19) < 0.005


def test_labels_are_shown_one_step_late(table):
    found = jax.tree.map(lambda leaf: leaf[0], streams(table))
    labels = np.asarray(shown(found))
    np.testing.assert_array_equal(labels[0], np.zeros(5))
    np.testing.assert_array_equal(labels[1:].argmax(1), found.ys[:-1])


@pytest.mark.parametrize("labels", ["onehot", "letters"])
def test_a_stream_does_not_depend_on_its_batch(table, labels):
    shape = StreamShape(5, 4, (28, 28, 1), labels)
    batch = streams(table, shape)
    alone = sample_streams(root_key(0), jnp.int32([7]), table, shape)
    for one, other in zip(batch, alone, strict=True):
        np.testing.assert_array_equal(one[7], other[0])


def test_the_digest_tells_streams_apart(table):
    found = {
        stream_digest(0, table, SHAPE, 70),
        stream_digest(1, table, SHAPE, 70),
        stream_digest(0, table, SHAPE, 69),
        stream_digest(0, table, StreamShape(5, 4, (28, 28, 1), "letters"), 70),
    }
    assert len(found) == 4


def test_too_many_presentations_are_refused(table):
    with pytest.raises(UserError, match="`presentations` is 999"):
        check_fits(table, StreamShape(5, 999, (28, 28, 1)), "here")


@pytest.mark.parametrize("way", [5, 100])
def test_letter_codes_are_strings_of_five_all_different(way):
    words = jax.random.bits(jax.random.key(0), (way, 300), jnp.uint32)
    found = np.asarray(codes("letters", way, words)).reshape(300, way, 5, 5)
    np.testing.assert_array_equal(found.sum(-1), np.ones((300, way, 5)))
    strings = (found.argmax(-1) * 5 ** np.arange(5)).sum(-1)
    assert all(len(set(row)) == way for row in strings)
    share = found.mean((0, 1))
    assert np.abs(share - 0.2).max() < 5 * 0.4 / np.sqrt(300 * way)


def test_one_hot_codes():
    words = jnp.zeros((0, 2), jnp.uint32)
    np.testing.assert_array_equal(codes("onehot", 3, words), np.stack([np.eye(3)] * 2))


def test_unknown_labels_are_refused():
    with pytest.raises(UserError, match="onehot, letters"):
        groups("words", 5)


def test_an_answer_is_right_if_every_letter_is():
    wanted = jax.nn.one_hot(jnp.int32([[0, 1, 2, 3, 4]] * 2), 5).reshape(2, 25)
    wrong = wanted.at[1, 24].set(0.5).at[1, 20].set(0.6)
    np.testing.assert_array_equal(right(wrong, wanted, 5), [True, False])


def test_cross_entropy_sums_over_the_groups():
    wanted = jax.nn.one_hot(jnp.int32([[0, 1]]), 2).reshape(1, 4)
    logits = jnp.log(jnp.float32([[3, 1, 1, 1]]))
    np.testing.assert_allclose(
        cross_entropy(logits, wanted, 2), [-np.log(0.75) - np.log(0.5)], rtol=1e-6
    )


INDEPENDENT = StreamShape(5, 10, (28, 28, 1), independent=True)


def test_independent_classes_come_unequally_often_and_examples_again_only_when_all_were_shown(
    table,
):
    few = table._replace(counts=jnp.full_like(table.counts, 12))
    found = streams(few, INDEPENDENT, 256)
    assert found.xs.shape == (256, 50, 28, 28, 1)
    ys = np.asarray(found.ys)
    counts = np.stack([np.bincount(one, minlength=5) for one in ys])
    assert abs(counts.var() - 50 * 0.2 * 0.8) < 1.5  # of a binomial
    assert counts.max() > 12
    for one in range(32):
        turns = [(ys[one, :i] == ys[one, i]).sum() for i in range(50)]
        np.testing.assert_array_equal(found.turns[one], turns)
        for label in range(5):
            images = np.asarray(found.xs[one])[ys[one] == label].reshape(-1, 784)
            assert len(np.unique(images[:12], axis=0)) == min(len(images), 12)
            np.testing.assert_array_equal(images[12:], images[: max(len(images) - 12, 0)])


def test_independent_images_are_of_their_class(table):
    found = streams(table, INDEPENDENT, 4)
    owner = {
        np.asarray(table.images[image]).tobytes(): int(table.class_ids[row])
        for row, members in enumerate(np.asarray(table.members))
        for image in members
    }
    for one in range(4):
        seen = [owner[np.asarray(x).tobytes()] for x in found.xs[one]]
        np.testing.assert_array_equal(seen, found.class_ids[one][found.ys[one]])
