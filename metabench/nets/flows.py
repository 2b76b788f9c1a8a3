"""Real NVP: an invertible network between images and noise (Dinh, Sohl-Dickstein & Bengio 2017).

An affine coupling leaves a part of its input as it is, and scales and shifts the rest by what a
network makes of that part (equations 4 to 7), so both its inverse and the determinant of its
Jacobian are as cheap as itself. Parts are the two colours of a checkerboard, or two halves of the
channels. At each scale but the last there are three couplings by checkerboard, then 2×2 pixels
become channels, then come three couplings by channels, and half of the channels are done; the last
scale has four couplings by checkerboard (section 3.6).

Departures: the networks inside have two hidden 3×3 convolutions instead of residual blocks, no
batch norm and no weight norm.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.nets.ops import conv3x3
from metabench.types import ImageShape

Part: TypeAlias = Literal["black", "white", "first", "last"]  # of an input: what stays as it is
OTHER: dict[Part, Part] = {"black": "white", "white": "black", "first": "last", "last": "first"}


def kept(part: Part, shape: ImageShape) -> jax.Array:
    """Float32 [height, width, channels]: 1 where the input stays as it is, else 0."""
    height, width, channels = shape
    if part in ("black", "white"):
        colour = (jnp.arange(height)[:, None] + jnp.arange(width)[None]) % 2
        one = colour == (part == "white")
        return jnp.broadcast_to(one[:, :, None], shape).astype(jnp.float32)
    one = (jnp.arange(channels) < channels // 2) == (part == "first")
    return jnp.broadcast_to(one[None, None], shape).astype(jnp.float32)


def squeezed(x: jax.Array) -> jax.Array:
    """[n, 2 h, 2 w, c] to [n, h, w, 4 c]: each 2×2 pixels become channels."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height // 2, 2, width // 2, 2, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // 2, width // 2, 4 * channels)


def unsqueezed(x: jax.Array) -> jax.Array:
    """The inverse of `squeezed`."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height, width, 2, 2, channels // 4)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, 2 * height, 2 * width, channels // 4)


class Coupling(nnx.Module):
    """One affine coupling; it is the identity before it learns."""

    def __init__(self, shape: ImageShape, part: Part, width: int, rngs: nnx.Rngs) -> None:
        """`width`: channels of the hidden convolutions."""
        self.shape, self.part = shape, part
        channels, initial = shape[2], nnx.initializers.he_normal()
        self.first = nnx.Param(initial(rngs.params(), (3, 3, channels, width)))
        self.second = nnx.Param(initial(rngs.params(), (3, 3, width, width)))
        self.last = nnx.Param(jnp.zeros((3, 3, width, 2 * channels)))
        self.biases = nnx.Param(jnp.zeros((2, width)))
        self.bias = nnx.Param(jnp.zeros(2 * channels))
        self.size = nnx.Param(jnp.zeros(channels))  # of the logarithm of the scale

    def terms(self, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The part that stays, and logarithms of scales and shifts of the rest, elsewhere 0."""
        mask = kept(self.part, self.shape)[None]
        biases = self.biases[...]
        hidden = jax.nn.relu(conv3x3(mask * x, self.first[...]) + biases[0][None, None, None])
        hidden = jax.nn.relu(conv3x3(hidden, self.second[...]) + biases[1][None, None, None])
        found = conv3x3(hidden, self.last[...]) + self.bias[...][None, None, None]
        log_scale, shift = jnp.split(found, 2, axis=-1)
        log_scale = jnp.exp(self.size[...])[None, None, None] * jnp.tanh(log_scale)
        return mask, (1 - mask) * log_scale, (1 - mask) * shift

    def forward(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The output, and the logarithm of the Jacobian's determinant: [n, h, w, c] and [n]."""
        _, log_scale, shift = self.terms(x)
        return x * jnp.exp(log_scale) + shift, log_scale.sum((1, 2, 3))

    def inverse(self, y: jax.Array) -> jax.Array:
        """The input of an output."""
        _, log_scale, shift = self.terms(y)  # the part that stays is the same
        return (y - shift) * jnp.exp(-log_scale)


class Scale(nnx.Module):
    """The couplings at one scale."""

    def __init__(self, shape: ImageShape, last: bool, width: int, rngs: nnx.Rngs) -> None:
        self.is_last = last
        height, breadth, channels = shape
        colours: list[Part] = ["black", "white", "black", "white"]
        self.colours = nnx.List(
            [Coupling(shape, part, width, rngs) for part in colours[: 4 if last else 3]]
        )
        halves: list[Part] = [] if last else ["first", "last", "first"]
        small = (height // 2, breadth // 2, 4 * channels)
        self.halves = nnx.List([Coupling(small, part, 2 * width, rngs) for part in halves])

    def forward(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The output, squeezed unless this is the last scale, and the log-determinant."""
        total = jnp.zeros(x.shape[0])
        for coupling in self.colours:
            x, part = coupling.forward(x)
            total += part
        x = x if self.is_last else squeezed(x)
        for coupling in self.halves:
            x, part = coupling.forward(x)
            total += part
        return x, total

    def inverse(self, y: jax.Array) -> jax.Array:
        """The input of an output."""
        for coupling in reversed(list(self.halves)):
            y = coupling.inverse(y)
        y = y if self.is_last else unsqueezed(y)
        for coupling in reversed(list(self.colours)):
            y = coupling.inverse(y)
        return y


class RealNvp(nnx.Module):
    """All scales: images to noise of as many numbers, and back."""

    def __init__(self, image: ImageShape, scales: int, width: int, rngs: nnx.Rngs) -> None:
        """`scales`: how many; each side of the image is divisible by 2 to the `scales` - 1."""
        shapes, made = [image], list[Scale]()
        for number in range(scales):
            height, breadth, channels = shapes[-1]
            made.append(Scale(shapes[-1], number == scales - 1, width, rngs))
            shapes.append((height // 2, breadth // 2, 2 * channels))  # what goes on, or is done
        self.shapes, self.scales = tuple(shapes[:scales]), nnx.List(made)

    def __call__(
        self, x: jax.Array, *, inverse: bool = False, train: bool = False
    ) -> tuple[jax.Array, jax.Array] | jax.Array:
        """Numbers [n, h, w, c] to noise [n, h w c] and log-determinants [n]; or its `inverse`."""
        del train  # nothing differs
        return self.inverse(x) if inverse else self.forward(x)

    def forward(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Noise, what is done first before what is done last, and the log-determinant."""
        done, total = list[jax.Array](), jnp.zeros(x.shape[0])
        for scale in self.scales:
            x, part = scale.forward(x)
            total += part
            if not scale.is_last:
                x, ended = jnp.split(x, 2, axis=-1)
                done.append(ended)
        parts = [one.reshape(one.shape[0], -1) for one in (*done, x)]
        return jnp.concatenate(parts, axis=1), total

    def inverse(self, z: jax.Array) -> jax.Array:
        """Noise [n, h w c] to numbers [n, h, w, c]."""
        ended, at = list[jax.Array](), 0
        for height, width, channels in self.shapes[1:]:
            size = height * width * channels
            ended.append(z[:, at : at + size].reshape(-1, height, width, channels))
            at += size
        x = z[:, at:].reshape(-1, *self.shapes[-1])
        for number in reversed(range(len(self.scales))):
            scale = self.scales[number]
            if not scale.is_last:
                x = jnp.concatenate([x, ended[number]], axis=-1)
            x = scale.inverse(x)
        return x
