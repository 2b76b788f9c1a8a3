"""Four blocks whose convolutions have stride 2, without pooling (MAML's code for Omniglot)."""

from __future__ import annotations

import jax
from flax import nnx

from metabench.nets.normalise import Norm, Normalise
from metabench.nets.products import convolve_half

BLOCKS = 4


class StridedBlock(nnx.Module):
    """3×3 convolution of stride 2, normalisation, ReLU; odd sizes are rounded up."""

    def __init__(self, channels: int, width: int, norm: Norm, rngs: nnx.Rngs) -> None:
        initial = nnx.initializers.he_normal()
        self.kernel = nnx.Param(initial(rngs.params(), (3, 3, channels, width)))
        self.norm = Normalise(width, norm)

    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        """[n, h, w, channels] to [n, h / 2, w / 2, width], rounded up."""
        return jax.nn.relu(self.norm(convolve_half(x, self.kernel[...]), train=train))


class Strided4(nnx.Module):
    """Images in [0, 1], [n, h, w, channels], to embeddings [n, features]."""

    def __init__(
        self, channels: int, *, width: int, norm: Norm, mean: bool, rngs: nnx.Rngs
    ) -> None:
        """Four blocks of `width` channels; `mean`: of the last maps over their pixels."""
        inputs = (channels, *[width] * (BLOCKS - 1))
        self.blocks = nnx.List([StridedBlock(c, width, norm, rngs) for c in inputs])
        self.mean = mean

    def __call__(
        self, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """[n, h, w, channels] to [n, features]. Nothing is drawn from `key`."""
        del key
        for block in self.blocks:
            x = block(x, train=train)
        return x.mean((1, 2)) if self.mean else x.reshape(x.shape[0], -1)
