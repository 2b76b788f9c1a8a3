"""A convolutional classifier whose weights each episode adapts: four blocks and a linear layer.

MAML and Reptile train it (Finn et al. 2017, section 5.2; Nichol et al. 2018, section 6.1). It has
the architecture of `Conv4`, and is made of operations that are fast if every episode has its own
weights and if gradients of gradients are computed.
"""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.compute.native import native
from metabench.errors import UserError
from metabench.nets.conv4 import EPSILON, conv4_features
from metabench.nets.fused import conv_affine_relu_pool, conv_norm_relu_pool
from metabench.nets.pixels import pixels
from metabench.nets.products import convolve, pool
from metabench.types import EpisodeShape

Norm = Literal["batch", "support", "layer", "none"]
"""Whose statistics normalise. `batch`: those of all images that are computed together, so the
answer to a query depends on the other queries (transductive). `support`: those of the support set,
for the queries too. `layer`: those of each image."""


class Block(nnx.Module):
    """3×3 convolution, normalisation, ReLU, pooling: [n, h, w, c] to [n, h // 2, w // 2, width]."""

    def __init__(self, channels: int, width: int, norm: Norm, rngs: nnx.Rngs) -> None:
        initial = nnx.initializers.he_normal()
        self.kernel = nnx.Param(initial(rngs.params(), (3, 3, channels, width)))
        self.scale = nnx.Param(jnp.ones(width))
        self.bias = nnx.Param(jnp.zeros(width))
        self.norm = norm
        if norm == "support":
            self.mean = nnx.BatchStat(jnp.zeros(width))
            self.var = nnx.BatchStat(jnp.ones(width))

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """One block. With `train` it can be differentiated twice; without it, once but fast."""
        if not train and self.norm in ("batch", "support") and not native():
            return self._fused(x)
        y = convolve(x, self.kernel[...])
        if self.norm != "none":
            mean, var = self._statistics(y, train)
            y = (y - mean) * jax.lax.rsqrt(var + EPSILON)
        scale, bias = self.scale[...][None, None, None], self.bias[...][None, None, None]
        return pool(jax.nn.relu(y * scale + bias))

    def _fused(self, x: jax.Array) -> jax.Array:
        """The same on a CPU, for the weights of one episode."""
        kernel, scale, bias = self.kernel[...], self.scale[...], self.bias[...]
        if self.norm == "batch":
            return conv_norm_relu_pool(x, kernel, scale, bias, epsilon=EPSILON).y
        slope = scale * jax.lax.rsqrt(self.var[...] + EPSILON)
        return conv_affine_relu_pool(x, kernel, slope, bias - self.mean[...] * slope)

    def _statistics(self, y: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        """Mean and variance; with `norm="support"`, stored if `train`, else those stored before."""
        if self.norm == "support" and not train:
            return self.mean[...][None, None, None], self.var[...][None, None, None]
        axes = (1, 2, 3) if self.norm == "layer" else (0, 1, 2)
        mean = y.mean(axes, keepdims=True)
        var = jnp.square(y - mean).mean(axes, keepdims=True)
        if self.norm == "support":
            self.mean[...], self.var[...] = mean[0, 0, 0], var[0, 0, 0]
        return mean, var


class Classifier(nnx.Module):
    """uint8 images [n, height, width, channels] to logits [n, way].

    With `norm="support"` a call with `train` normalises by its own batch and keeps the statistics,
    and a call without it uses these.
    """

    def __init__(self, shape: EpisodeShape, width: int, norm: Norm, rngs: nnx.Rngs) -> None:
        """Raises `UserError` on a wrong `norm` or `width`."""
        if norm not in get_args(Norm):
            raise UserError(f"`norm` is {norm!r}; it must be one of: {', '.join(get_args(Norm))}")
        if width < 1:
            raise UserError(f"`width` is {width}; it must be positive")
        inputs = (shape.image[2], width, width, width)
        self.blocks = nnx.List([Block(channels, width, norm, rngs) for channels in inputs])
        self.head = nnx.Linear(conv4_features(shape.image, width), shape.way, rngs=rngs)

    def __call__(self, images: jax.Array, *, train: bool = False) -> jax.Array:
        """Logits [n, way]."""
        x = pixels(images)
        for block in self.blocks:
            x = block(x, train=train)
        return self.head(x.reshape(x.shape[0], -1))
