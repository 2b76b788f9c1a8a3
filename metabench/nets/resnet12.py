"""ResNet-12: the residual network of the later few-shot papers.

Four blocks of three 3×3 convolutions, each followed by 2×2 max pooling (Mishra et al. 2018;
Oreshkin, Rodríguez López & Lacoste 2018). Widths 64-160-320-640, leaky ReLU of slope 0.1 and
DropBlock are those of Lee, Maji, Ravichandran & Soatto 2019 and of their code.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.nets.drop import drop_block
from metabench.nets.normalise import Norm, Normalise
from metabench.nets.ops import conv3x3, max_pool2

SLOPE = 0.1


class Dropping(NamedTuple):
    """What is dropped in training."""

    rate: float = 0.0
    size: int = 5  # of the squares in the last two blocks; the first two drop single numbers


class ResidualBlock(nnx.Module):
    """Three convolutions beside a 1×1 convolution, then pooling: [n, h, w, c] to half, `width`."""

    def __init__(
        self, channels: int, width: int, norm: Norm, dropping: Dropping, rngs: nnx.Rngs
    ) -> None:
        initial = nnx.initializers.he_normal()
        inputs = (channels, width, width)
        self.kernels = nnx.List(
            [nnx.Param(initial(rngs.params(), (3, 3, c, width))) for c in inputs]
        )
        self.norms = nnx.List([Normalise(width, norm) for _ in inputs])
        self.across = nnx.Param(initial(rngs.params(), (1, 1, channels, width)))
        self.across_norm = Normalise(width, norm)
        self.dropping = dropping

    def __call__(self, x: jax.Array, *, train: bool, key: jax.Array | None) -> jax.Array:
        """[n, h, w, channels] to [n, h // 2, w // 2, width]; with a key, less what is dropped."""
        y = x
        for number, (kernel, norm) in enumerate(zip(self.kernels, self.norms, strict=True)):
            y = norm(conv3x3(y, kernel[...]), train=train)
            if number < 2:
                y = jax.nn.leaky_relu(y, SLOPE)
        straight = self.across_norm(x @ self.across[...][0, 0], train=train)
        y = max_pool2(jax.nn.leaky_relu(y + straight, SLOPE))
        if key is None or self.dropping.rate == 0:
            return y
        return drop_block(key, y, *self.dropping)


class ResNet12(nnx.Module):
    """Images in [0, 1], [n, h, w, channels], to embeddings [n, features]."""

    def __init__(
        self,
        channels: int,
        *,
        widths: tuple[int, int, int, int],
        norm: Norm,
        dropping: Dropping,
        mean: bool,
        rngs: nnx.Rngs,
    ) -> None:
        """`mean`: of the last maps over their pixels, instead of all numbers of them."""
        inputs = (channels, *widths[:-1])
        plain = dropping._replace(size=1)
        self.blocks = nnx.List(
            [
                ResidualBlock(c, width, norm, plain if number < 2 else dropping, rngs)
                for number, (c, width) in enumerate(zip(inputs, widths, strict=True))
            ]
        )
        self.mean = mean

    def __call__(
        self, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """[n, h, w, channels] to [n, features]; with a key, something is dropped."""
        keys = [None] * 4 if key is None else jax.random.split(key, 4)
        for block, own in zip(self.blocks, keys, strict=True):
            x = block(x, train=train, key=own)
        return x.mean((1, 2)) if self.mean else jnp.reshape(x, (x.shape[0], -1))
