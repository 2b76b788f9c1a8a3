"""Normalisation of maps, with a learned scale and shift: whose statistics it uses is an option.

`batch` (Ioffe & Szegedy 2015), `layer` (Ba, Kiros & Hinton 2016) and `group` normalisation (Wu & He
2018). It follows a convolution without a bias. The operations are plain, so that derivatives of any
order work; `nets/fused.py` has a faster form for Conv4.
"""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float

from metabench.errors import UserError
from metabench.nets.conv4 import EPSILON, GROUPS, MOMENTUM, by_image

Norm = Literal["running", "batch", "support", "group", "layer", "none"]
"""`running`: the statistics of the batch in training, and their running averages afterwards.
`batch`: always those of the batch (transductive). `support`: those of the batch in training, and
afterwards those of the last training batch, which is the support set where an episode adapts the
network. `group`: of each image, over groups of channels. `layer`: of each image. `none`: nothing is
normalised, only scaled and shifted."""


def check_norm(norm: str, *widths: int) -> None:
    """Raise `UserError` on a wrong `norm`, or on widths that have no whole groups."""
    if norm not in get_args(Norm):
        raise UserError(f"`norm` is {norm!r}; it must be one of: {', '.join(get_args(Norm))}")
    for width in widths:
        if norm == "group" and width % GROUPS:
            raise UserError(
                f"`width` makes maps of {width} channels; where `norm` is `group` it must be a "
                f"multiple of {GROUPS}"
            )


class Normalise(nnx.Module):
    """Maps [n, h, w, width], normalised, scaled and shifted: the same shape."""

    def __init__(self, width: int, norm: Norm) -> None:
        """Raises `UserError` on a wrong `norm` or `width`."""
        check_norm(norm, width)
        self.norm = norm
        self.scale = nnx.Param(jnp.ones(width))
        self.bias = nnx.Param(jnp.zeros(width))
        if norm in ("running", "support"):
            self.mean = nnx.BatchStat(jnp.zeros(width))
            self.var = nnx.BatchStat(jnp.ones(width))

    def __call__(self, y: Float[jax.Array, "n h w width"], *, train: bool = False) -> jax.Array:
        """With `train`, `running` and `support` renew their statistics."""
        if self.norm in ("group", "layer"):
            y = by_image(y, GROUPS if self.norm == "group" else 1)
        elif self.norm != "none":
            mean, var = self._statistics(y, train)
            y = (y - mean[None, None, None]) * jax.lax.rsqrt(var + EPSILON)[None, None, None]
        return y * self.scale[...][None, None, None] + self.bias[...][None, None, None]

    def _statistics(self, y: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        if self.norm != "batch" and not train:
            return self.mean[...], self.var[...]
        mean = y.mean((0, 1, 2))
        var = jnp.square(y - mean[None, None, None]).mean((0, 1, 2))
        if self.norm == "support":
            self.mean[...], self.var[...] = mean, var
        if self.norm == "running":
            self.mean[...] = MOMENTUM * self.mean[...] + (1 - MOMENTUM) * mean
            self.var[...] = MOMENTUM * self.var[...] + (1 - MOMENTUM) * var
        return mean, var
