"""Learners that read images as a sequence: what MANN, the NTM, LSTMs and fast weights share.

At each step a network reads an image and the label of the step before, and answers; the
loss is the cross-entropy of all answers of a stream (Santoro et al. 2016, section 2). The
same network answers N-way k-shot: it reads the support set in random order, then each query
by itself after the supports, so that queries do not affect each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import EpisodeLearner, Metrics, StreamLearner, Training
from metabench.errors import UserError
from metabench.learners.common.optimizer import descended
from metabench.learners.recurrent.sequence_net import (
    Lengths,
    Network,
    SequenceNet,
    State,
    answers,
    first_state,
    settling,
)
from metabench.nets.jitter import detailed, jitter
from metabench.nets.pixels import pixels
from metabench.tasks.label_codes import cross_entropy, groups, right
from metabench.tasks.shift import step_before
from metabench.tasks.streams import shown
from metabench.types import ImageShape, ImageTaskShape, PyTree, Stream, StreamShape

BATCH = 16  # streams in a training step, as in Santoro et al. 2016


class Task(NamedTuple):
    """What is kept of a support set: the network, its carry, and the last label."""

    params: PyTree
    statistics: PyTree
    carry: PyTree
    last: jax.Array  # code, [outputs]


def stream_shape(shape: ImageTaskShape, presentations: int | None) -> StreamShape:
    """The shape of training streams: the test's, or for episodes one with as many images.

    Args:
      shape: of the test.
      presentations: of each class in a training stream; None: as many as the test has.

    Raises:
      UserError: fewer than 2 presentations.
    """
    given = shape.presentations if isinstance(shape, StreamShape) else shape.shot + 1
    number = given if presentations is None else presentations
    if number < 2:
        raise UserError(f"`presentations` is {number}; a class must come at least twice")
    if isinstance(shape, StreamShape):
        return replace(shape, presentations=number)
    return StreamShape(shape.way, number, shape.image)


def longest(shape: ImageTaskShape) -> int:
    """Steps of the longest sequence of a test task: a stream, or the supports and a query."""
    return shape.steps if isinstance(shape, StreamShape) else shape.supports + 1


def inputs_of(shape: StreamShape) -> int:
    """How many numbers a network reads at each step."""
    height, width, channels = shape.image
    return height * width * channels + outputs_of(shape)


def outputs_of(shape: StreamShape) -> int:
    """How many numbers it answers with."""
    number, size = groups(shape.labels, shape.way)
    return number * size


def image_learner(
    network: Network,
    optimizer: optax.GradientTransformation,
    shape: ImageTaskShape,
    presentations: int | None,
    *,
    augment: bool,
) -> EpisodeLearner | StreamLearner:
    """A learner of images from a network and an optimizer.

    Args:
      network: reads images and labels.
      optimizer: of the meta-training.
      shape: of the test.
      presentations: of each class in a training stream; see `stream_shape`.
      augment: rotate and shift the training images.
    """
    train_shape = stream_shape(shape, presentations)
    lengths = Lengths(train_shape.steps, max(train_shape.steps, longest(shape)))
    net = network(inputs_of(train_shape), lengths)

    init = first_state(net, optimizer, outputs_of(train_shape))
    reading = _training_reading(train_shape, augment)
    step = _training(net, optimizer, train_shape, reading)
    drawn = replace(train_shape, image=detailed(shape.image)) if augment else train_shape
    training = Training(step, drawn, BATCH, settle=settling(net, reading))
    if isinstance(shape, StreamShape):
        return StreamLearner(init, _answering(net), training)
    adapt, predict = _episodes(net, shape.way)
    return EpisodeLearner(init, adapt, predict, training)


def _reading(images: jax.Array, labels: jax.Array) -> jax.Array:
    """Images [..., h, w, c] and labels [..., outputs], concatenated: [..., inputs]."""
    return jnp.concatenate([images.reshape(*labels.shape[:-1], -1), labels], axis=-1)


def _training_reading(
    shape: StreamShape, augment: bool
) -> Callable[[Stream, jax.Array], jax.Array]:
    """What is read in training, [steps, batch, inputs], of a batch of streams and a key."""

    def reading(streams: Stream, key: jax.Array) -> jax.Array:
        images = jittered(key, streams.xs, shape.image) if augment else streams.xs
        return _reading(pixels(images), jax.vmap(shown)(streams)).swapaxes(0, 1)

    return reading


def _training(
    net: SequenceNet,
    optimizer: optax.GradientTransformation,
    shape: StreamShape,
    reading: Callable[[Stream, jax.Array], jax.Array],
) -> Callable[[State, Stream, jax.Array], tuple[State, Metrics]]:
    """One step down the mean cross-entropy of a batch of streams."""
    _, size = groups(shape.labels, shape.way)

    def loss(
        params: PyTree, statistics: PyTree, read: jax.Array, wanted: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, PyTree]]:
        start = net.start(read.shape[1])
        _, logits, statistics = answers(net, params, statistics, start, read, True)
        accuracy = right(logits, wanted, size).mean()
        return cross_entropy(logits, wanted, size).mean(), (accuracy, statistics)

    def train(state: State, streams: Stream, key: jax.Array) -> tuple[State, Metrics]:
        read = reading(streams, key)
        wanted = jax.vmap(lambda codes, ys: codes[ys])(streams.codes, streams.ys).swapaxes(0, 1)
        gradient = jax.value_and_grad(loss, has_aux=True)
        found, grads = gradient(state.params, state.statistics, read, wanted)
        error, (accuracy, statistics) = found
        state = descended(optimizer, state, grads, statistics=statistics)
        return state, {"loss": error, "accuracy": accuracy}

    return train


def jittered(key: jax.Array, images: jax.Array, image: ImageShape) -> jax.Array:
    """Each image of a batch of streams, rotated and shifted by itself: float [..., *image]."""
    moved = jitter(key, images.reshape(-1, *images.shape[-3:]), image)
    return moved.reshape(*images.shape[:-3], *image)


def _answering(net: SequenceNet) -> Callable[[State, jax.Array, jax.Array, jax.Array], jax.Array]:
    """`answer` of the online protocol."""

    def answer(state: State, xs: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        del key
        read = _reading(pixels(xs), labels)[:, None]
        params, statistics = state.params, state.statistics
        _, logits, _ = answers(net, params, statistics, net.start(1), read, False)
        return logits[:, 0]

    return answer


def _episodes(
    net: SequenceNet, way: int
) -> tuple[Callable[..., Task], Callable[[Task, jax.Array], jax.Array]]:
    """`adapt` and `predict` of N-way k-shot episodes, with one-hot labels."""

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        order = jax.random.permutation(key, support_y.shape[0])
        labels = jax.nn.one_hot(support_y[order], way)
        read = _reading(pixels(support_x[order]), step_before(labels))[:, None]
        params, statistics = state.params, state.statistics
        carry, _, _ = answers(net, params, statistics, net.start(1), read, False)
        return Task(params, statistics, carry, labels[-1])

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        last = jnp.broadcast_to(task.last[None], (query_x.shape[0], way))
        read = _reading(pixels(query_x), last)

        def one(row: jax.Array) -> jax.Array:
            found = answers(net, task.params, task.statistics, task.carry, row[None, None], False)
            return found[1][0, 0]

        return jax.vmap(one)(read)

    return adapt, predict
