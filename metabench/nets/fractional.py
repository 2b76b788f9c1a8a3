"""Fractional max pooling (Graham 2014): maps shrink by a factor α between 1 and 2.

Along each axis the numbers are divided into regions of one or two (disjoint), or of two or three
with one shared by neighbours (overlapping); a region gives its maximum. Where the regions end is
drawn anew for each batch, at random or pseudorandomly (section 2).
"""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float, Int

from metabench.nets.normalise import Norm, Normalise
from metabench.nets.ops import conv3x3, max_pool2

Regions = Literal["pseudorandom", "random", "halves"]
"""How regions are drawn. `pseudorandom`: ⌈α(i + u)⌉ for a random u. `random`: steps of one and two
in random order. `halves`: nothing is drawn; every second pooling is of 2×2 windows, for
comparison."""
FINE = 1024  # values that u may have


def pooled_size(size: int, alpha: float, overlapping: bool) -> int:
    """How many regions `size` numbers are divided into, about `size` / `alpha`.

    Two numbers, and three where regions overlap, are too few for both kinds of regions: they stay.
    """
    steps = size - 1 if overlapping else size
    most, least = steps - 1, steps // 2 + 1
    return size if most < least else min(max(round(size / alpha), least), most)


def pseudorandom_ends(key: jax.Array, steps: int, regions: int) -> Int[jax.Array, " _"]:
    """0 = e₀ < e₁ < … < e_regions = `steps`, with e_i = ⌈α(i + u)⌉ - ⌈αu⌉ and α = steps / regions.

    In whole numbers, so that no rounding can spoil a step.
    """
    part = jax.random.randint(key, (), 0, FINE)
    numbers = jnp.arange(regions + 1) * FINE + part
    ends = -(-(numbers * steps) // (regions * FINE))
    return ends - ends[0]


def random_ends(key: jax.Array, steps: int, regions: int) -> Int[jax.Array, " _"]:
    """The same with steps of one and two in random order."""
    twos = steps - regions
    lengths = jnp.where(jnp.arange(regions) < twos, 2, 1)
    drawn = jax.random.permutation(key, lengths)
    return jnp.concatenate([jnp.zeros(1, drawn.dtype), jnp.cumsum(drawn)])


def pooled_between(
    x: Float[jax.Array, "n h w c"], ends: Int[jax.Array, " _"], axis: int, overlapping: bool
) -> jax.Array:
    """Maxima over the regions from each of `ends` to the next along `axis`.

    The next one itself belongs to the region too where regions are `overlapping`.
    """
    first, last = ends[:-1], ends[1:] if overlapping else ends[1:] - 1
    found = jnp.maximum(jnp.take(x, first, axis), jnp.take(x, last, axis))
    if not overlapping:
        return found  # at most two numbers
    return jnp.maximum(found, jnp.take(x, jnp.minimum(first + 1, last), axis))


def fractional_pool(
    key: jax.Array,
    x: Float[jax.Array, "n h w c"],
    alpha: float,
    *,
    regions: Regions = "pseudorandom",
    overlapping: bool = True,
) -> jax.Array:
    """Maxima of regions, the same for all maps: [n, about h / alpha, about w / alpha, c]."""
    ends_of = pseudorandom_ends if regions == "pseudorandom" else random_ends
    for axis, own in zip((1, 2), jax.random.split(key), strict=True):
        size = x.shape[axis]
        number = pooled_size(size, alpha, overlapping)
        if number < size:
            x = pooled_between(x, ends_of(own, size - overlapping, number), axis, overlapping)
    return x


class FractionalNet(nnx.Module):
    """Blocks of a 3×3 convolution, normalisation, ReLU and pooling by `alpha`.

    Images in [0, 1], [n, h, w, channels], to embeddings [n, features].
    """

    def __init__(
        self,
        channels: int,
        *,
        width: int,
        blocks: int,
        alpha: float,
        regions: Regions,
        overlapping: bool,
        norm: Norm,
        mean: bool,
        rngs: nnx.Rngs,
    ) -> None:
        """`blocks` of `width` channels; `mean`: of the last maps over their pixels."""
        initial = nnx.initializers.he_normal()
        inputs = (channels, *[width] * (blocks - 1))
        self.kernels = nnx.List(
            [nnx.Param(initial(rngs.params(), (3, 3, c, width))) for c in inputs]
        )
        self.norms = nnx.List([Normalise(width, norm) for _ in inputs])
        self.alpha, self.regions, self.overlapping = alpha, regions, overlapping
        self.mean = mean

    def __call__(
        self, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """[n, h, w, channels] to [n, features]; without a key, the regions are always the same."""
        keys = jax.random.split(jax.random.key(0) if key is None else key, len(self.kernels))
        for number, (kernel, norm) in enumerate(zip(self.kernels, self.norms, strict=True)):
            x = jax.nn.relu(norm(conv3x3(x, kernel[...]), train=train))
            if self.regions != "halves":
                x = fractional_pool(
                    keys[number],
                    x,
                    self.alpha,
                    regions=self.regions,
                    overlapping=self.overlapping,
                )
            elif number % 2:
                x = max_pool2(x)
        return x.mean((1, 2)) if self.mean else x.reshape(x.shape[0], -1)
