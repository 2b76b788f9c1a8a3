"""Swapout (Singh, Hoiem & Forsyth 2016): residual networks with random masks on both paths.

A unit is Θ₁ ⊙ X + Θ₂ ⊙ F(X) with independent Bernoulli masks for every number (equation 4), so
that feed-forward, residual, skipped and dropped units are all drawn. How often a mask is 0 rises
linearly with depth. In the test a mask is its mean (deterministic inference), or features are
averaged over draws (stochastic inference).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
from flax import nnx

from metabench.nets.normalise import Norm, Normalise
from metabench.nets.ops import conv3x3, conv3x3_half

Kind = Literal["swapout", "dropout", "residual"]
"""What the masks are. `swapout`: independent ones on both paths. `dropout`: one mask on the sum, so
Θ₁ = Θ₂. `residual`: none."""


class Rates(NamedTuple):
    """How often a mask is 0."""

    first: float = 0.0  # in the first unit
    last: float = 0.5

    def of(self, number: int, units: int) -> float:
        """In unit `number` = 0, 1, … of `units`: it rises linearly."""
        return self.first + (self.last - self.first) * number / max(units - 1, 1)


def swapped(
    x: jax.Array, y: jax.Array, rate: float, kind: Kind, key: jax.Array | None
) -> jax.Array:
    """Θ₁ ⊙ x + Θ₂ ⊙ y, masks drawn from `key`; without a key, both masks are their mean.

    Args:
      x: what the unit is given.
      y: F(x), of the same shape.
      rate: how often a mask is 0.
      kind: which masks there are.
      key: of the draws.
    """
    if kind == "residual" or rate == 0:
        return x + y
    kept = 1 - rate
    if key is None:
        return kept * (x + y)
    own, other = jax.random.split(key)
    first = jax.random.bernoulli(own, kept, x.shape)
    second = first if kind == "dropout" else jax.random.bernoulli(other, kept, x.shape)
    return first * x + second * y


class Unit(nnx.Module):
    """Two pre-activated convolutions beside the input, and the masks.

    Where it is wider than its input it halves height and width; the input then goes through a 1×1
    convolution of stride 2.
    """

    def __init__(
        self, channels: int, width: int, rate: float, kind: Kind, norm: Norm, rngs: nnx.Rngs
    ) -> None:
        initial = nnx.initializers.he_normal()
        self.norms = nnx.List([Normalise(channels, norm), Normalise(width, norm)])
        self.kernels = nnx.List(
            [nnx.Param(initial(rngs.params(), (3, 3, c, width))) for c in (channels, width)]
        )
        self.halves = width != channels
        if self.halves:
            self.across = nnx.Param(initial(rngs.params(), (channels, width)))
        self.rate, self.kind = rate, kind

    def __call__(self, x: jax.Array, *, train: bool, key: jax.Array | None) -> jax.Array:
        """[n, h, w, channels] to [n, h, w, width], or half of h and w, rounded up."""
        y = jax.nn.relu(self.norms[0](x, train=train))
        straight = y[:, ::2, ::2] @ self.across[...] if self.halves else x
        y = (conv3x3_half if self.halves else conv3x3)(y, self.kernels[0][...])
        y = conv3x3(jax.nn.relu(self.norms[1](y, train=train)), self.kernels[1][...])
        return swapped(straight, y, self.rate, self.kind, key)


class SwapoutNet(nnx.Module):
    """Images in [0, 1], [n, h, w, channels], to embeddings [n, last width]."""

    def __init__(
        self,
        channels: int,
        *,
        widths: Sequence[int],
        units: int,
        rates: Rates,
        kind: Kind,
        norm: Norm,
        rngs: nnx.Rngs,
    ) -> None:
        """`units` of each width; the first of each width but the first halves the maps."""
        initial = nnx.initializers.he_normal()
        self.first = nnx.Param(initial(rngs.params(), (3, 3, channels, widths[0])))
        every = [width for width in widths for _ in range(units)]
        inputs = [widths[0], *every[:-1]]
        self.units = nnx.List(
            [
                Unit(c, width, rates.of(number, len(every)), kind, norm, rngs)
                for number, (c, width) in enumerate(zip(inputs, every, strict=True))
            ]
        )
        self.last = Normalise(widths[-1], norm)

    def __call__(
        self, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """The mean of the last maps over their pixels; with a key, masks are drawn."""
        count = len(self.units)
        keys = [None] * count if key is None else jax.random.split(key, count)
        x = conv3x3(x, self.first[...])
        for unit, own in zip(self.units, keys, strict=True):
            x = unit(x, train=train, key=own)
        return jax.nn.relu(self.last(x, train=train)).mean((1, 2))
