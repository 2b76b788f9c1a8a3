"""The parts of Relation Networks: an embedding into maps, and the convolution of pairs of maps.

Sung, Yang, Zhang, Xiang, Torr & Hospedales 2018, figure 2 and section 3.4. A pair is two maps
stacked along the channels. Its convolution is a sum of two: of the support's map with the first
half of the kernel's channels, and of the query's map with the second half. So each map is convolved
once, however many pairs it is part of, and the stacked maps are never made.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float

from metabench.nets.conv4 import ConvBlock, Norm, check_norm
from metabench.nets.fused import convolved

BLOCKS, POOLED = 4, 2


class MapEmbedding(nnx.Module):
    """Four blocks, of which two pool: images in [0, 1] to maps [n, h // 4, w // 4, width]."""

    def __init__(self, channels: int, width: int, norm: Norm, rngs: nnx.Rngs) -> None:
        """Raises `UserError` on a wrong `norm` or `width`."""
        check_norm(norm, width)
        inputs = (channels, *[width] * (BLOCKS - 1))
        self.blocks = nnx.List(
            [ConvBlock(inputs[k], width, norm, rngs, pool=k < POOLED) for k in range(BLOCKS)]
        )

    def __call__(
        self, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """[n, h, w, channels] to [n, h // 4, w // 4, width]; nothing is drawn by `key`."""
        del key
        for block in self.blocks:
            x = block(x, train=train)
        return x


class RelationModule(nnx.Module):
    """Two blocks that pool, and two layers: the logit that a query belongs to a class."""

    def __init__(
        self,
        width: int,
        features: int,
        units: int,
        norm: Norm,
        rngs: nnx.Rngs,
        first: float = 0.0,
    ) -> None:
        """`features`: of a pair after the second block; `first`: what logits are near at first."""
        self.pairs = ConvBlock(2 * width, width, norm, rngs)
        self.second = ConvBlock(width, width, norm, rngs)
        self.hidden = nnx.Linear(features, units, rngs=rngs)
        self.last = nnx.Linear(units, 1, bias_init=nnx.initializers.constant(first), rngs=rngs)

    def __call__(
        self,
        supports: Float[jax.Array, "way h w width"],
        queries: Float[jax.Array, "queries h w width"],
        *,
        train: bool = False,
    ) -> Float[jax.Array, "queries way"]:
        """Logits of all pairs, normalised in training by the statistics of all pairs."""

        def convolution(kernel: jax.Array, *, whole: bool = True) -> list[jax.Array]:
            return pairs_convolved(supports, queries, kernel, whole=whole)

        x = self.second(self.pairs.after(convolution, train=train), train=train)
        hidden = jax.nn.relu(self.hidden(x.reshape(x.shape[0], -1)))
        return self.last(hidden).reshape(queries.shape[0], supports.shape[0])


def pairs_convolved(
    supports: Float[jax.Array, "way h w c"],
    queries: Float[jax.Array, "queries h w c"],
    kernel: Float[jax.Array, "3 3 both d"],
    *,
    whole: bool = True,
) -> list[jax.Array]:
    """`fused.convolved` of every query with every support, [queries · way, h, w, 2 c].

    The channels of a pair are those of the support, then those of the query.
    """
    first, second = jnp.split(kernel, [supports.shape[-1]], axis=2)
    ours, theirs = convolved(supports, first, whole=whole), convolved(queries, second, whole=whole)
    return [
        (query[:, None] + support[None]).reshape(-1, *support.shape[1:])
        for support, query in zip(ours, theirs, strict=True)
    ]
