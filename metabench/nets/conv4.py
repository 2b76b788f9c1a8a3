"""Conv4: the four-block convolutional embedding of most few-shot papers.

Four times [3×3 convolution, normalisation, ReLU, 2×2 max pooling], 64 channels
(Vinyals et al. 2016, section 4.1; Snell et al. 2017, section 3.1): 28×28 to 64
numbers, 84×84 to 1,600. The statistics of the normalisation are an explicit option,
because they decide whether a learner is transductive.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float

from metabench.compute.in_cache import few_at_once
from metabench.errors import UserError
from metabench.nets.fused import convolved, joined, norm_relu_pool, shift_relu_pool
from metabench.nets.ops import max_pool2

Norm = Literal["running", "batch", "group", "layer", "none"]
Convolution: TypeAlias = Callable[..., list[jax.Array]]
MOMENTUM = 0.9  # of the running averages, as in the code of the papers
EPSILON = 1e-5
GROUPS = 8  # the authors of group normalisation have 32, for widths from 64 on


def check_norm(norm: str, width: int) -> None:
    """Raise `UserError` on a wrong `norm` or `width`."""
    if norm not in get_args(Norm):
        raise UserError(f"`norm` is {norm!r}; it must be one of: {', '.join(get_args(Norm))}")
    if width < 1 or (norm == "group" and width % GROUPS):
        raise UserError(
            f"`width` is {width}; it must be positive, and a multiple of {GROUPS} "
            "where `norm` is `group`"
        )


class ConvBlock(nnx.Module):
    """3×3 convolution, normalisation, ReLU, 2×2 max pooling: [n, h, w, c] to [n, h//2, w//2, d].

    `norm`: `running` uses the statistics of the batch in training and their running
    averages afterwards; `batch` always those of the batch (transductive); `group`
    and `layer` those of each image; `none` does not normalise. The convolution has a
    bias only without normalisation: otherwise the norm has the shift.
    Without `pool` the block keeps height and width.
    """

    def __init__(
        self, channels: int, width: int, norm: Norm, rngs: nnx.Rngs, *, pool: bool = True
    ) -> None:
        initial = nnx.initializers.he_normal()
        self.kernel = nnx.Param(initial(rngs.params(), (3, 3, channels, width)))
        self.scale = nnx.Param(jnp.ones(width))
        self.bias = nnx.Param(jnp.zeros(width))
        self.norm, self.pool = norm, pool
        if norm == "running":
            self.mean = nnx.BatchStat(jnp.zeros(width))
            self.var = nnx.BatchStat(jnp.ones(width))

    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        """[n, h, w, channels] to [n, h // 2, w // 2, width]."""
        return self.after(partial(convolved, x), train=train)

    def after(self, convolution: Convolution, *, train: bool = False) -> jax.Array:
        """The block, with `convolution(kernel, whole=)` instead of `fused.convolved` of images."""
        kernel, scale, bias = self.kernel[...], self.scale[...], self.bias[...]
        if self.norm == "batch" or (self.norm == "running" and train):
            parts = convolution(kernel)
            y, mean, var = norm_relu_pool(parts, scale, bias, epsilon=EPSILON, pool=self.pool)
            if self.norm == "running":
                self.mean[...] = MOMENTUM * self.mean[...] + (1 - MOMENTUM) * mean
                self.var[...] = MOMENTUM * self.var[...] + (1 - MOMENTUM) * var
            return y
        if self.norm in ("running", "none"):
            if self.norm == "running":
                scale = scale * jax.lax.rsqrt(self.var[...] + EPSILON)
                bias = bias - self.mean[...] * scale
            parts = convolution(kernel * scale[None, None, None], whole=not self.pool)
            return shift_relu_pool(parts, bias, pool=self.pool)
        y = by_image(joined(convolution(kernel)), 1 if self.norm == "layer" else GROUPS)
        y = jax.nn.relu(y * scale[None, None, None] + bias[None, None, None])
        return max_pool2(y) if self.pool else y


class Conv4(nnx.Module):
    """Images in [0, 1], [n, h, w, channels], to embeddings [n, features]."""

    def __init__(
        self, channels: int, *, width: int = 64, norm: Norm = "running", rngs: nnx.Rngs
    ) -> None:
        """Four blocks of `width` channels. Raises `UserError` on a wrong `norm` or `width`."""
        check_norm(norm, width)
        inputs = (channels, width, width, width)
        self.norm, self.width = norm, width
        self.blocks = nnx.List([ConvBlock(c, width, norm, rngs) for c in inputs])

    def __call__(
        self, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """[n, h, w, channels] to [n, (h // 16) * (w // 16) * width]; nothing is drawn by `key`."""
        del key
        if train or self.norm == "batch":
            return self._embed(x, train)
        embed = partial(self._embed, train=False)
        # The largest array is the second block's windows: sixteen entries for every 4x4 pixels.
        return few_at_once(embed, x, image_bytes=4 * x.shape[1] * x.shape[2] * self.width)

    def _embed(self, x: jax.Array, train: bool) -> jax.Array:
        for block in self.blocks:
            x = block(x, train=train)
        return x.reshape(x.shape[0], -1)


def by_image(y: Float[jax.Array, "n h w c"], groups: int) -> jax.Array:
    """Normalised by the statistics of each image, over `groups` equal groups of channels."""
    grouped = y.reshape(*y.shape[:-1], groups, -1)
    axes = (-4, -3, -1)
    centred = grouped - grouped.mean(axes, keepdims=True)
    var = jnp.square(centred).mean(axes, keepdims=True)
    return (centred * jax.lax.rsqrt(var + EPSILON)).reshape(y.shape)


def conv4_features(image: tuple[int, int, int], width: int) -> int:
    """Length of Conv4's embedding of images of shape `image`."""
    height, breadth, _ = image
    if min(height, breadth) < 16:
        raise UserError(
            f"`image_size` is {min(height, breadth)}; it is halved four times, so it must be 16 or "
            "more"
        )
    return (height // 16) * (breadth // 16) * width
