"""The paper's networks on images: a shared convolutional encoder, a decoder with Bernoulli pixels.

As in the paper's code for Omniglot, the encoder has three stages of three 3×3 convolutions with
batch norm and ELU, the last of each stage with stride 2, of `width`, 2 `width` and 4 `width`
channels. The decoder adds linear maps of its vectors and applies ELU, and a dense layer makes the
first image; then it is the encoder's mirror image, with 2×2 transposed convolutions. `width` is 64
in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from metabench.nets.statistician.layers import Double, Half, Linear, Same, elu
from metabench.types import ImageShape

STAGES = (1, 2, 4)  # times `width`
DEPTH = 3  # convolutions in a stage


def sides(image: ImageShape, halvings: int) -> list[tuple[int, int]]:
    """Height and width after 0, 1, … `halvings`, rounded up: 28, 14, 7, 4."""
    return [(-(-image[0] >> n), -(-image[1] >> n)) for n in range(halvings + 1)]


class PaperEncoder(nnx.Module):
    """Images in [0, 1], [n, h, w, channels], to features [n, `features`]."""

    def __init__(self, image: ImageShape, width: int, rngs: nnx.Rngs) -> None:
        layers, channels = [], image[2]
        for times in STAGES:
            for kind in [Same] * (DEPTH - 1) + [Half]:
                layers.append(kind(channels, times * width, rngs))
                channels = times * width
        self.layers = nnx.List(layers)
        last = sides(image, len(STAGES))[-1]
        self.features = last[0] * last[1] * channels

    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """[n, h, w, channels] to [n, features]."""
        for layer in self.layers:
            x = layer(x, train=train)
        return x.reshape(x.shape[0], -1)


class Bernoulli:
    """What decoders of images share: their output is the logit of ink for each pixel."""

    @staticmethod
    def log_likelihood(logits: Array, x: Array) -> Array:
        """Log p(x), in nats: [sets, members, h, w, channels] twice to [sets, members]."""
        # x log σ(l) + (1 - x) log σ(-l)
        return (x * logits - jax.nn.softplus(logits)).sum((-3, -2, -1))

    @staticmethod
    def mean(logits: Array) -> Array:
        """The probability of ink."""
        return jax.nn.sigmoid(logits)

    @staticmethod
    def sample(key: Array, logits: Array) -> Array:
        """Binary images."""
        return jax.random.bernoulli(key, jax.nn.sigmoid(logits)).astype(jnp.float32)


class PaperDecoder(Bernoulli, nnx.Module):
    """Vectors to images of pixels that are ink with some probability."""

    def __init__(
        self, inputs: Sequence[int], image: ImageShape, width: int, rngs: nnx.Rngs
    ) -> None:
        """`inputs`: sizes of the vectors."""
        self.sides = tuple(reversed(sides(image, len(STAGES))))
        channels = STAGES[-1] * width
        self.join = Join(inputs, (channels,), rngs)
        self.image = Linear(channels, math.prod(self.sides[0]) * channels, rngs)
        stages = []
        for times in reversed(STAGES):
            layers = []
            for kind in [Same] * (DEPTH - 1) + [Double]:
                layers.append(kind(channels, times * width, rngs))
                channels = times * width
            stages.append(nnx.List(layers))
        self.stages = nnx.List(stages)
        self.last = Linear(channels, image[2], rngs)

    def __call__(self, *given: Array, train: bool = False) -> Array:
        """Vectors [sets, members or 1, size] to logits [sets, members, h, w, channels]."""
        x, sets = self.join(*given)
        x = self.image(elu(x)).reshape(-1, *self.sides[0], x.shape[-1])
        for stage, (height, width) in zip(self.stages, self.sides[1:], strict=True):
            for layer in stage:
                x = layer(x, train=train)
            x = x[:, :height, :width]
        y = self.last(x)
        return y.reshape(sets, -1, *y.shape[1:])


class Join(nnx.Module):
    """Vectors of sets and of members to one array for each member: a sum of linear maps."""

    def __init__(self, inputs: Sequence[int], shape: tuple[int, ...], rngs: nnx.Rngs) -> None:
        """`inputs`: sizes of the vectors; `shape`: of the array that they are mapped to."""
        self.shape = shape
        self.inputs = nnx.List([Linear(size, math.prod(shape), rngs) for size in inputs])

    def __call__(self, *given: Array) -> tuple[Array, int]:
        """Vectors [sets, members or 1, size] to [sets * members, *shape], and `sets`."""
        x = self.inputs[0](given[0])
        for one, vector in zip(self.inputs[1:], given[1:], strict=True):
            x = x + one(vector)
        return x.reshape(-1, *self.shape), x.shape[0]
