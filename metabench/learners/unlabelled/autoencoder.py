"""Nearest neighbours on the code of an autoencoder: a baseline that learns without labels.

A dense network turns an image into a short code and draws the image again from the code, trained
by the cross-entropy of the pixels. Training meets no label: images are drawn whatever their class.

Santoro et al. 2016 (section 4.1.2) compare the MANN with nearest neighbours on an autoencoder's
code; theirs has two layers of 200 leaky units on each side and a code of 32 numbers. Sizes, ReLU
units, loss and training are ours here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, NamedTuple

import jax
import optax
from flax import nnx

from metabench.contracts.learner import EpisodeLearner, Metrics, StreamLearner, Training
from metabench.contracts.options import TEST_ONLY, Count, with_options
from metabench.learners.common.neighbours import by_nearest, check_neighbours, unit, votes
from metabench.learners.common.optimizer import Adam, adam, descended
from metabench.nets.functional import Functional, functional
from metabench.nets.pixels import pixels
from metabench.types import ImagesShape, ImageTaskShape, PyTree, StreamShape


class Autoencoder(nnx.Module):
    """Pixels in [0, 1] to a code, and back to the logits of pixels."""

    def __init__(self, size: int, hidden: int, code: int, *, rngs: nnx.Rngs) -> None:
        """`size`: pixels of an image, `hidden`: units of a layer, `code`: numbers in a code."""
        self.encoder = _layers((size, hidden, hidden, code), rngs)
        self.decoder = _layers((code, hidden, hidden, size), rngs)

    def __call__(self, method: str, x: jax.Array) -> jax.Array:
        """`encode` pixels [n, size] to codes [n, code], or `decode` codes to logits."""
        layers = self.encoder if method == "encode" else self.decoder
        for layer in layers[:-1]:
            x = jax.nn.relu(layer(x))
        return layers[-1](x)


def _layers(widths: Sequence[int], rngs: nnx.Rngs) -> "nnx.List[nnx.Linear]":
    initial = nnx.initializers.he_normal()
    return nnx.List(
        [
            nnx.Linear(before, after, kernel_init=initial, rngs=rngs)
            for before, after in pairwise(widths)
        ]
    )


class State(NamedTuple):
    """The state in training."""

    params: PyTree
    optimizer: PyTree


@with_options
def autoencoder(
    shape: ImageTaskShape,
    *,
    hidden: Count = 512,
    code: Count = 64,
    neighbours: Annotated[Count, TEST_ONLY] = 1,
    images: Count = 80,
    optimizer: Adam = Adam(),
) -> EpisodeLearner | StreamLearner:
    """Cosine nearest neighbour on an autoencoder's code; with several shots the nearest decides.

    Args:
      shape: of the test: episodes or streams.
      hidden: units of each hidden layer; encoder and decoder have two of them each.
      code: numbers in a code.
      neighbours: in the online protocol, how many of the earlier images vote.
      images: in a training batch.
      optimizer: of the training.
    """
    check_neighbours(neighbours, shape)
    descent = adam(optimizer)
    net = functional(lambda rngs: Autoencoder(prod(shape.image), hidden, code, rngs=rngs))

    def embed(state: State, xs: jax.Array) -> jax.Array:
        return net.apply(state.params, {}, "encode", flat(xs))[0]

    def init(key: jax.Array) -> State:
        params, _ = net.init(key)
        return State(params, descent.init(params))

    def answer(state: State, xs: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        del key  # nothing is drawn
        found = unit(embed(state, xs))
        return votes(found @ found.T, labels, neighbours)

    training = Training(_training(net, descent), ImagesShape(images, shape.image))
    if isinstance(shape, StreamShape):
        return StreamLearner(init, answer, training)
    adapt, predict = by_nearest(embed, shape.way)
    return EpisodeLearner(init, adapt, predict, training, embed=embed)


def flat(images: jax.Array) -> jax.Array:
    """uint8 [n, h, w, c] to numbers from 0 to 1, [n, h * w * c]."""
    return pixels(images.reshape(images.shape[0], -1))


def _training(
    net: Functional, optimizer: optax.GradientTransformation
) -> Callable[[State, jax.Array, jax.Array], tuple[State, Metrics]]:
    """One step down the cross-entropy of the pixels of all images of a batch."""

    def loss(params: PyTree, x: jax.Array) -> jax.Array:
        code, _ = net.apply(params, {}, "encode", x)
        logits, _ = net.apply(params, {}, "decode", code)
        return optax.sigmoid_binary_cross_entropy(logits, x).sum(-1).mean()

    def train(state: State, images: jax.Array, key: jax.Array) -> tuple[State, Metrics]:
        del key  # nothing is drawn
        x = flat(images.reshape(-1, *images.shape[2:]))
        error, grads = jax.value_and_grad(loss)(state.params, x)
        return descended(optimizer, state, grads), {"loss": error}

    return train
