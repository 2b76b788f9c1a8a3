"""Small networks from images to vectors and from vectors to images, for models of images.

The encoder has 3×3 convolutions with stride 2 until no side is longer than 6 (28, 14, 7, 4; 84, 42,
21, 11, 6), then a matrix. The decoder has a matrix, then 2×2 transposed convolutions, each followed
by a 3×3 convolution, except the last two, where these cost most. Leaky ReLU with slope 0.2. The
size is for a CPU: about one layer where the papers have two.
"""

from __future__ import annotations

from itertools import pairwise

import jax.numpy as jnp
from flax import nnx
from jax import Array

from metabench.errors import UserError
from metabench.nets.ops import conv3x3, conv3x3_half, double2
from metabench.nets.pixels import pixels
from metabench.nets.statistician.layers import BatchNorm
from metabench.types import ImageShape

SMALLEST = 6  # an image is halved until no side is longer
SLOPE = 0.2


def leaky(x: Array) -> Array:
    """Leaky ReLU: x where it is positive, 0.2 x elsewhere."""
    return jnp.maximum(x, SLOPE * x)


def sizes(image: ImageShape) -> list[tuple[int, int]]:
    """Height and width before and after each halving, odd ones rounded up.

    Raises:
      UserError: an image that is not halved at all.
    """
    found = [image[:2]]
    while max(found[-1]) > SMALLEST:
        height, width = found[-1]
        found.append((-(-height // 2), -(-width // 2)))
    if len(found) == 1:
        raise UserError(
            f"`image_size` is {max(image[:2])}; the networks halve it until it is {SMALLEST} or "
            f"less, so it must be {SMALLEST + 1} or more"
        )
    return found


def channels_at(image: ImageShape, width: int) -> list[int]:
    """Channels at each of `sizes`: the image's, then `width`, 2 `width`, 4 `width`."""
    return [image[2]] + [width * min(2**number, 4) for number in range(len(sizes(image)) - 1)]


class Layer(nnx.Module):
    """A kernel, then batch norm or a bias, then leaky ReLU unless it is the last layer.

    The caller applies the kernel.
    """

    def __init__(self, shape: tuple[int, ...], rngs: nnx.Rngs, *, norm: bool = False) -> None:
        """`shape`: of the kernel. `norm`: batch norm, by running averages after training."""
        initial = nnx.initializers.variance_scaling(2 / (1 + SLOPE**2), "fan_in", "normal")
        self.kernel = nnx.Param(initial(rngs.params(), shape))
        self.bias = None if norm else nnx.Param(jnp.zeros(shape[-1]))
        self.norm = BatchNorm(shape[-1]) if norm else None

    def finish(self, x: Array, *, train: bool, last: bool = False) -> Array:
        """[..., features] to the same."""
        if self.norm is not None:
            x = self.norm(x, train=train)
        if self.bias is not None:
            x = x + self.bias[...].reshape((1,) * (x.ndim - 1) + (-1,))
        return x if last else leaky(x)


class ImageEncoder(nnx.Module):
    """Images [n, h, w, channels] to vectors [n, outputs]."""

    def __init__(
        self, image: ImageShape, width: int, outputs: int, rngs: nnx.Rngs, *, norm: bool = False
    ) -> None:
        """`norm`: batch norm in all layers except the first, which reads pixels, and the last."""
        channels = channels_at(image, width)
        layers = [
            Layer((3, 3, before, after), rngs, norm=norm and number > 0)
            for number, (before, after) in enumerate(pairwise(channels))
        ]
        self.layers = nnx.List(layers)
        height, breadth = sizes(image)[-1]
        self.features = height * breadth * channels[-1]
        self.last = Layer((self.features, outputs), rngs)

    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """[n, h, w, channels] to [n, outputs]."""
        x = self.trunk(x, train=train)
        return self.last.finish(x @ self.last.kernel[...], train=train, last=True)

    def trunk(self, x: Array, *, train: bool = False) -> Array:
        """[n, h, w, channels] to the input of the last matrix, [n, features]."""
        for layer in self.layers:
            x = layer.finish(conv3x3_half(x, layer.kernel[...]), train=train)
        return x.reshape(x.shape[0], -1)


class ImageDecoder(nnx.Module):
    """Vectors [n, inputs] to images [n, h, w, channels], without a non-linearity at the end."""

    def __init__(
        self, inputs: int, image: ImageShape, width: int, rngs: nnx.Rngs, *, norm: bool = False
    ) -> None:
        """As many channels at each size as in `ImageEncoder`; `norm` as there."""
        self.sizes = tuple(reversed(sizes(image)))
        channels = list(reversed(channels_at(image, width)))
        height, breadth = self.sizes[0]
        self.first = Layer((inputs, height * breadth * channels[0]), rngs)
        doubles: list[Layer] = []
        sames: list[Layer] = []
        for before, after in pairwise(channels):
            last = len(doubles) == len(channels) - 2
            doubles.append(Layer((2, 2, before, after), rngs, norm=norm and not last))
            if len(doubles) < len(channels) - 2:
                sames.append(Layer((3, 3, after, after), rngs, norm=norm))
        self.doubles, self.sames = nnx.List(doubles), nnx.List(sames)

    def __call__(self, z: Array, *, train: bool = False) -> Array:
        """[n, inputs] to [n, h, w, channels]."""
        x = self.first.finish(z @ self.first.kernel[...], train=train)
        x = x.reshape(z.shape[0], *self.sizes[0], -1)
        for number, double in enumerate(self.doubles):
            height, width = self.sizes[number + 1]
            x = double2(x, double.kernel[...])[:, :height, :width]
            x = double.finish(x, train=train, last=number == len(self.doubles) - 1)
            if number < len(self.sames):
                same = self.sames[number]
                x = same.finish(conv3x3(x, same.kernel[...]), train=train)
        return x


def joined(images: Array) -> Array:
    """uint8 [..., h, w, c] to [n, h, w, c], from 0 to 1."""
    return pixels(images.reshape(-1, *images.shape[-3:]))
