"""Networks on images for a CPU, narrower and shallower than the paper's.

The encoder is three blocks of a Conv4 (3×3 convolution, batch norm, ReLU, 2×2 max pooling). The
decoder is dense layers, in which context and latents can interact, and two transposed
convolutions, the second of which gives the pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jax import Array

from metabench.errors import UserError
from metabench.nets.conv4 import ConvBlock
from metabench.nets.ops import double2
from metabench.nets.statistician.images import Bernoulli, Join, sides
from metabench.nets.statistician.layers import BatchNorm, Dense, Double, Linear, elu
from metabench.types import ImageShape

BLOCKS = 3  # of the encoder
DENSE = 2  # layers of the decoder, after the one that reads its vectors
HIDDEN = 8  # units of each layer, times `width`


class SmallEncoder(nnx.Module):
    """Images in [0, 1], [n, h, w, channels], to features [n, `features`]."""

    def __init__(self, image: ImageShape, width: int, rngs: nnx.Rngs) -> None:
        """Raises `UserError` on images that cannot be halved three times."""
        if min(image[:2]) < 2**BLOCKS:
            raise UserError(
                f"`image_size` is {min(image[:2])}; it is halved three times, so it must be 8 or "
                "more"
            )
        inputs = (image[2], width, width)
        self.blocks = nnx.List([ConvBlock(c, width, "running", rngs) for c in inputs])
        self.features = (image[0] >> BLOCKS) * (image[1] >> BLOCKS) * width

    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """[n, h, w, channels] to [n, features]."""
        for block in self.blocks:
            x = block(x, train=train)
        return x.reshape(x.shape[0], -1)


class SmallDecoder(Bernoulli, nnx.Module):
    """Vectors to images of pixels that are ink with some probability."""

    def __init__(
        self, inputs: Sequence[int], image: ImageShape, width: int, rngs: nnx.Rngs
    ) -> None:
        """`inputs`: sizes of the vectors."""
        self.sides = tuple(reversed(sides(image, 2)))
        hidden, (height, across) = HIDDEN * width, self.sides[0]
        self.join = Join(inputs, (hidden,), rngs)
        self.joined = BatchNorm(hidden)
        self.dense = nnx.List([Dense(hidden, hidden, True, rngs) for _ in range(DENSE)])
        self.image = Linear(hidden, height * across * width, rngs, bias=False)
        self.norm = BatchNorm(width)
        self.double = Double(width, width, rngs)
        initial = nnx.initializers.lecun_normal()
        self.kernel = nnx.Param(initial(rngs.params(), (2, 2, width, image[2])))
        self.bias = nnx.Param(jnp.zeros(image[2]))

    def __call__(self, *given: Array, train: bool = False) -> Array:
        """Vectors [sets, members or 1, size] to logits [sets, members, h, w, channels]."""
        x, sets = self.join(*given)
        x = elu(self.joined(x, train=train))
        for layer in self.dense:
            x = layer(x, train=train)
        x = self.image(x).reshape(-1, *self.sides[0], self.norm.bias.size)
        x = elu(self.norm(x, train=train))
        x = self.double(x, train=train)[:, : self.sides[1][0], : self.sides[1][1]]
        x = double2(x, self.kernel[...])[:, : self.sides[2][0], : self.sides[2][1]]
        x = x + self.bias[...][None, None, None]
        return x.reshape(sets, -1, *x.shape[1:])
