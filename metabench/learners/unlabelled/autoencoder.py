"""Nearest neighbours on the code of an autoencoder: the baseline that learns without labels.

Santoro et al. 2016 (section 4.1.2) and Edwards & Storkey 2017 (table 2) hold their learners
against it. A dense network squeezes an image into a short code and draws it again from
there, trained by the cross-entropy of the pixels (Hinton & Salakhutdinov 2006). No label is
met in training: images are drawn whatever their class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.contracts.learner import TEST_ONLY, Learner, Metrics
from metabench.errors import UserError
from metabench.learners.common.neighbours import by_nearest, check_neighbours, unit, votes
from metabench.learners.common.optimizer import Decay, adam
from metabench.nets.functional import Functional, functional
from metabench.types import ImagesShape, ImageTaskShape, PyTree


class Autoencoder(nnx.Module):
    """Pixels in [0, 1] to a code, and back to the logits of pixels."""

    def __init__(self, pixels: int, hidden: int, code: int, *, rngs: nnx.Rngs) -> None:
        self.encoder = _layers((pixels, hidden, hidden, code), rngs)
        self.decoder = _layers((code, hidden, hidden, pixels), rngs)

    def __call__(self, method: str, x: jax.Array) -> jax.Array:
        """`encode` pixels [n, pixels] to codes [n, code], or `decode` codes to logits."""
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
    """What is carried through training."""

    params: PyTree
    optimizer: PyTree


def autoencoder(
    shape: ImageTaskShape,
    *,
    hidden: int = 512,
    code: int = 64,
    neighbours: Annotated[int, TEST_ONLY] = 1,
    images: int = 80,
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    steps: int = 10_000,
) -> Learner:
    """Cosine nearest neighbour on an autoencoder's code; with several shots the nearest decides.

    Args:
      shape: of the test.
      hidden: units of each hidden layer, of which encoder and decoder have two each.
      code: numbers in a code.
      neighbours: in the online protocol, how many of the images met so far vote.
      images: in a training batch.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      steps: length of training, for the decay.
    """
    check_neighbours(neighbours)
    for name, value in {"hidden": hidden, "code": code, "images": images}.items():
        if value < 1:
            raise UserError(f"`{name}` is {value}; it must be at least 1")
    optimizer = adam(learning_rate, decay, steps)
    net = functional(lambda rngs: Autoencoder(prod(shape.image), hidden, code, rngs=rngs))

    def embed(state: State, xs: jax.Array) -> jax.Array:
        return net.apply(state.params, {}, "encode", flat(xs))[0]

    def init(key: jax.Array) -> State:
        params, _ = net.init(key)
        return State(params, optimizer.init(params))

    def stream(state: State, xs: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        del key
        found = unit(embed(state, xs))
        return votes(found @ found.T, labels, neighbours)

    adapt, predict = by_nearest(embed, shape.way)
    return Learner(
        init=init,
        adapt=adapt,
        predict=predict,
        train=_training(net, optimizer),
        parameters=lambda state: state.params,
        stream=stream,
        train_shape=ImagesShape(images, shape.image),
        embed=embed,
    )


def flat(images: jax.Array) -> jax.Array:
    """uint8 [n, h, w, c] to numbers from 0 to 1, [n, h * w * c]."""
    return images.reshape(images.shape[0], -1).astype(jnp.float32) / 255


def _training(
    net: Functional, optimizer: optax.GradientTransformation
) -> Callable[[State, jax.Array, jax.Array], tuple[State, Metrics]]:
    """One step down the cross-entropy of the pixels of all images of a batch."""

    def loss(params: PyTree, pixels: jax.Array) -> jax.Array:
        code, _ = net.apply(params, {}, "encode", pixels)
        logits, _ = net.apply(params, {}, "decode", code)
        return optax.sigmoid_binary_cross_entropy(logits, pixels).sum(-1).mean()

    def train(state: State, images: jax.Array, key: jax.Array) -> tuple[State, Metrics]:
        del key
        pixels = flat(images.reshape(-1, *images.shape[2:]))
        error, grads = jax.value_and_grad(loss)(state.params, pixels)
        updates, moments = optimizer.update(grads, state.optimizer, state.params)
        return State(optax.apply_updates(state.params, updates), moments), {"loss": error}

    return train
