"""Networks on images sized for a CPU: not the paper's, but narrower and shallower.

The encoder is three blocks of a Conv4 (3×3 convolution, batch norm, ReLU, 2×2 max pooling), the
decoder two transposed convolutions, the second of which yields the pixels.
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
from metabench.nets.statistician.layers import BatchNorm, Double, elu
from metabench.types import ImageShape

BLOCKS = 3


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
        self.join = Join(inputs, self.sides[0], width, rngs)
        self.norm = BatchNorm(width)
        self.double = Double(width, width, rngs)
        initial = nnx.initializers.lecun_normal()
        self.kernel = nnx.Param(initial(rngs.params(), (2, 2, width, image[2])))
        self.bias = nnx.Param(jnp.zeros(image[2]))

    def __call__(self, *given: Array, train: bool = False) -> Array:
        """Vectors [sets, members or 1, size] to logits [sets, members, h, w, channels]."""
        x, sets = self.join(*given)
        x = elu(self.norm(x, train=train))
        x = self.double(x, train=train)[:, : self.sides[1][0], : self.sides[1][1]]
        x = double2(x, self.kernel[...])[:, : self.sides[2][0], : self.sides[2][1]]
        x = x + self.bias[...][None, None, None]
        return x.reshape(sets, -1, *x.shape[1:])
