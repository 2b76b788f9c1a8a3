"""A convolutional classifier whose weights each episode adapts: four blocks and a linear layer.

MAML and Reptile train it (Finn et al. 2017, section 5.2; Nichol et al. 2018, section 6.1). By
default it has the architecture of `Conv4`; `Layout` has those of the authors' codes. It is made of
operations that are fast if every episode has its own weights and if gradients of gradients are
computed.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.compute.native import native
from metabench.errors import UserError
from metabench.nets.conv4 import EPSILON, GROUPS, by_image, conv4_features
from metabench.nets.fused import conv_affine_relu_pool, conv_norm_relu_pool
from metabench.nets.pixels import pixels
from metabench.nets.products import convolve, convolve_half, pool
from metabench.types import EpisodeShape, PyTree

Norm = Literal["batch", "support", "group", "layer", "none"]
"""Whose statistics normalise. `batch`: those of all images that are computed together, so the
answer to a query depends on the other queries (transductive). `support`: those of the support set,
for the queries too. `group`: those of each image, over groups of channels. `layer`: those of each
image."""


Blocks = Literal["pooled", "pooled_same", "strided"]
"""How a block halves its image. `pooled`: maximum of 2×2 windows, without an odd last row or
column. `pooled_same`: with it, as in Reptile's code. `strided`: no pooling, but convolutions of
stride 2 with the border `SAME`, as in the codes of MAML and Reptile for Omniglot."""
Features = Literal["all", "mean"]
"""What the linear layer reads: `all` numbers of the last block, or their `mean` over the pixels, as
in MAML's code for Omniglot."""


class Layout(NamedTuple):
    """What may differ between classifiers of four blocks."""

    blocks: Blocks = "pooled"
    features: Features = "all"
    norm_scale: bool = True  # whether the normalisation has a learned scale; it has a shift anyway


class Block(nnx.Module):
    """3×3 convolution, normalisation, ReLU and pooling, or a convolution of stride 2 without it.

    [n, h, w, c] to [n, h / 2, w / 2, width], rounded down if `pooled`, else up.
    """

    def __init__(
        self, channels: int, width: int, norm: Norm, rngs: nnx.Rngs, layout: Layout = Layout()
    ) -> None:
        initial = nnx.initializers.he_normal()
        self.kernel = nnx.Param(initial(rngs.params(), (3, 3, channels, width)))
        if layout.norm_scale:
            self.scale = nnx.Param(jnp.ones(width))
        self.bias = nnx.Param(jnp.zeros(width))
        self.norm, self.layout = norm, layout
        if norm == "support":
            self.mean = nnx.BatchStat(jnp.zeros(width))
            self.var = nnx.BatchStat(jnp.ones(width))

    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """One block. With `train` it can be differentiated twice; without it, once but fast."""
        blocks, known = self.layout.blocks, self.norm in ("batch", "support")
        if blocks == "pooled" and not train and known and not native():
            return self._fused(x)
        y = (convolve_half if blocks == "strided" else convolve)(x, self.kernel[...])
        if self.norm in ("group", "layer"):
            y = by_image(y, GROUPS if self.norm == "group" else 1)
        elif self.norm != "none":
            mean, var = self._statistics(y, train)
            y = (y - mean) * jax.lax.rsqrt(var + EPSILON)
        y = jax.nn.relu(y * self._scale()[None, None, None] + self.bias[...][None, None, None])
        return y if blocks == "strided" else pool(y, whole=blocks == "pooled_same")

    def _scale(self) -> jax.Array:
        return self.scale[...] if self.layout.norm_scale else jnp.ones_like(self.bias[...])

    def _fused(self, x: jax.Array) -> jax.Array:
        """The same on a CPU, for the weights of one episode."""
        kernel, scale, bias = self.kernel[...], self._scale(), self.bias[...]
        if self.norm == "batch":
            return conv_norm_relu_pool(x, kernel, scale, bias, epsilon=EPSILON).y
        slope = scale * jax.lax.rsqrt(self.var[...] + EPSILON)
        return conv_affine_relu_pool(x, kernel, slope, bias - self.mean[...] * slope)

    def _statistics(self, y: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        """Mean and variance; with `norm="support"`, stored if `train`, else those stored before."""
        if self.norm == "support" and not train:
            return self.mean[...][None, None, None], self.var[...][None, None, None]
        mean = y.mean((0, 1, 2), keepdims=True)
        var = jnp.square(y - mean).mean((0, 1, 2), keepdims=True)
        if self.norm == "support":
            self.mean[...], self.var[...] = mean[0, 0, 0], var[0, 0, 0]
        return mean, var


class Classifier(nnx.Module):
    """uint8 images [n, height, width, channels] to logits [n, way].

    With `norm="support"` a call with `train` normalises by its own batch and keeps the statistics,
    and a call without it uses these.
    """

    def __init__(
        self,
        shape: EpisodeShape,
        width: int,
        norm: Norm,
        rngs: nnx.Rngs,
        layout: Layout = Layout(),
    ) -> None:
        """Raises `UserError` on a wrong `norm` or `width`."""
        if norm not in get_args(Norm):
            raise UserError(f"`norm` is {norm!r}; it must be one of: {', '.join(get_args(Norm))}")
        if width < 1 or (norm == "group" and width % GROUPS):
            raise UserError(
                f"`width` is {width}; it must be positive, and a multiple of {GROUPS} where `norm` "
                "is `group`"
            )
        inputs = (shape.image[2], width, width, width)
        self.blocks = nnx.List([Block(channels, width, norm, rngs, layout) for channels in inputs])
        self.head = nnx.Linear(features_of(shape.image, width, layout), shape.way, rngs=rngs)
        self.features = layout.features

    def __call__(
        self, images: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """Logits [n, way]; nothing is drawn from `key`."""
        del key
        x = pixels(images)
        for block in self.blocks:
            x = block(x, train=train)
        features = x.mean((1, 2)) if self.features == "mean" else x.reshape(x.shape[0], -1)
        return self.head(features)


def features_of(image: tuple[int, int, int], width: int, layout: Layout) -> int:
    """How many numbers the linear layer reads of an image of shape `image`."""
    if layout.blocks == "pooled":
        pixels = conv4_features(image, 1)  # raises on an image that is too small
    else:
        pixels = -(-image[0] // 16) * -(-image[1] // 16)
    return width * (1 if layout.features == "mean" else pixels)


def parted(weights: PyTree) -> tuple[PyTree, PyTree]:
    """The weights without the normalisations' scales and shifts, and these alone."""
    blocks = weights["blocks"]
    kernels = {number: {"kernel": block["kernel"]} for number, block in blocks.items()}
    others = {
        number: {name: leaf for name, leaf in block.items() if name != "kernel"}
        for number, block in blocks.items()
    }
    return {**weights, "blocks": kernels}, others


def rejoined(weights: PyTree, norms: PyTree) -> PyTree:
    """The inverse of `parted`."""
    blocks = weights["blocks"]
    return {**weights, "blocks": {number: blocks[number] | norms[number] for number in blocks}}
