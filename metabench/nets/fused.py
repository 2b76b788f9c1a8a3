"""One block of a Conv4 as one function: convolution, batch norm, ReLU and max pooling.

What follows the convolution is a separate function, so that other convolutions can use it too.
Only on a CPU, the block has a backward rule written by hand. Batch norm and ReLU are monotone in
each channel, so the pooling may come first: it takes the maximum of a window if `scale` is not
negative, else the minimum. Then ReLU, and every sum of the backward pass, run over a quarter of the
entries, and a single pass over the rest gives the gradient to the convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from metabench.compute.native import native
from metabench.nets.ops import conv3x3, conv3x3_phases, interleave, max_pool2

_PIXELS = (0, 1, 2)


class Block(NamedTuple):
    """What a block returns."""

    y: Float[Array, "n half_h half_w d"]
    mean: Float[Array, " d"]
    """Mean of the convolution over images and pixels."""
    var: Float[Array, " d"]
    """Its variance, with the number of entries n as the divisor, not n - 1."""


def conv_norm_relu_pool(
    x: Float[Array, "n h w c"],
    kernel: Float[Array, "3 3 c d"],
    scale: Float[Array, " d"],
    bias: Float[Array, " d"],
    *,
    epsilon: float,
) -> Block:
    """max_pool2(relu(batch_norm(conv3x3(x, kernel)))), normalised by this batch's statistics.

    The convolution has no bias: subtracting the mean would remove it. Gradients flow through the
    returned statistics too. If entries of a window are equal, the first gets the gradient.
    """
    return norm_relu_pool(convolved(x, kernel), scale, bias, epsilon=epsilon)


def conv_affine_relu_pool(
    x: Float[Array, "n h w c"],
    kernel: Float[Array, "3 3 c d"],
    scale: Float[Array, " d"],
    bias: Float[Array, " d"],
) -> Float[Array, "n half_h half_w d"]:
    """max_pool2(relu(conv3x3(x, kernel) * scale + bias)): a block with known statistics.

    The scale goes into the kernel, and the pooling comes before the bias and ReLU.
    """
    parts = convolved(x, kernel * scale[None, None, None], whole=False)
    return shift_relu_pool(parts, bias)


def convolved(
    x: Float[Array, "n h w c"], kernel: Float[Array, "3 3 c d"], *, whole: bool = True
) -> list[Array]:
    """`conv3x3(x, kernel)`, on a CPU as its four phases.

    Without `whole`, an odd last row or column may be left out, as pooling leaves it out.
    """
    return [conv3x3(x, kernel)] if native() else conv3x3_phases(x, kernel, whole=whole)


def norm_relu_pool(
    parts: Sequence[Array],
    scale: Float[Array, " d"],
    bias: Float[Array, " d"],
    *,
    epsilon: float,
    pool: bool = True,
) -> Block:
    """What follows a convolution, given as `convolved` returns it; without `pool`, no pooling."""
    scale, bias = scale[None, None, None], bias[None, None, None]
    if len(parts) == 1 or not pool:
        block = _composed(joined(parts), scale, bias, epsilon, pool)
    else:
        block = _norm_relu_pool(epsilon, parts, scale, bias)
    return Block(block.y, block.mean[0, 0, 0], block.var[0, 0, 0])


def shift_relu_pool(
    parts: Sequence[Array], bias: Float[Array, " d"], *, pool: bool = True
) -> Array:
    """The same for known statistics, if the kernel is already multiplied by their scale."""
    bias = bias[None, None, None]
    if len(parts) == 1 or not pool:
        y = jax.nn.relu(joined(parts) + bias)
        return max_pool2(y) if pool else y
    return jax.nn.relu(_most(_windows(parts)) + bias)


def joined(parts: Sequence[Array]) -> Array:
    """The convolution [n, h, w, d] whose parts `convolved` returns."""
    return parts[0] if len(parts) == 1 else interleave(parts)


# From here on, values that belong to a channel have the shape [1, 1, 1, d].


def _composed(x: Array, scale: Array, bias: Array, epsilon: float, pool: bool) -> Block:
    mean, var = x.mean(_PIXELS, keepdims=True), x.var(_PIXELS, keepdims=True)
    y = jax.nn.relu((x - mean) * (lax.rsqrt(var + epsilon) * scale) + bias)
    return Block(max_pool2(y) if pool else y, mean, var)


class _Saved(NamedTuple):
    phases: Sequence[Array]
    scale: Array
    mean: Array
    inverse: Array  # of the standard deviation
    pooled: Array
    y: Array


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _norm_relu_pool(epsilon: float, phases: Sequence[Array], scale: Array, bias: Array) -> Block:
    return _forward(epsilon, phases, scale, bias)[0]


def _forward(
    epsilon: float, phases: Sequence[Array], scale: Array, bias: Array
) -> tuple[Block, _Saved]:
    entries = _entries(phases)
    mean = jnp.stack([_sum(phase) for phase in phases]).sum(0) / entries
    var = jnp.stack([_sum((phase - mean) ** 2) for phase in phases]).sum(0) / entries
    inverse = lax.rsqrt(var + epsilon)
    pooled = lax.optimization_barrier(_pool(phases, scale))
    y = jax.nn.relu((pooled - mean) * (inverse * scale) + bias)
    return Block(y, mean, var), _Saved(phases, scale, mean, inverse, pooled, y)


def _backward(epsilon: float, saved: _Saved, cotangents: Block) -> tuple[list[Array], Array, Array]:
    entries = _entries(saved.phases)
    g = jnp.where(saved.y > 0, cotangents.y, 0)
    to_bias = _sum(g)
    to_scale = _sum(g * (saved.pooled - saved.mean)) * saved.inverse
    # The gradient to an entry v is factor * g where it won its window, and slope * v + offset.
    factor = saved.scale * saved.inverse
    slope = (2 * cotangents.var - factor * saved.inverse * to_scale) / entries
    offset = (cotangents.mean - factor * to_bias) / entries - slope * saved.mean
    scattered = _scatter(saved.phases, saved.pooled, factor * g)
    pairs = zip(saved.phases, scattered, strict=True)
    to_phases = [part + phase * slope + offset for phase, part in pairs]
    # Sixteen transforms read these; without the barrier each would compute them again.
    return lax.optimization_barrier(to_phases), to_scale, to_bias


_norm_relu_pool.defvjp(_forward, _backward)


def _entries(phases: Sequence[Array]) -> int:
    """The number of entries in one channel."""
    return sum(phase.size for phase in phases) // phases[0].shape[-1]


def _sum(x: Array) -> Array:
    return x.sum(_PIXELS, keepdims=True)


def _windows(phases: Sequence[Array]) -> list[Array]:
    """The entries of every whole 2x2 window: phases without an odd last row or column."""
    rows, columns = phases[3].shape[1:3]
    return [phase[:, :rows, :columns] for phase in phases]


def _most(windows: Sequence[Array]) -> Array:
    a, b, c, d = windows
    return jnp.maximum(jnp.maximum(a, b), jnp.maximum(c, d))


def _pool(phases: Sequence[Array], scale: Array) -> Array:
    a, b, c, d = windows = _windows(phases)
    least = jnp.minimum(jnp.minimum(a, b), jnp.minimum(c, d))
    return jnp.where(scale >= 0, _most(windows), least)


def _scatter(phases: Sequence[Array], pooled: Array, g: Array) -> list[Array]:
    """Gives each window's gradient to the first phase that equals its pooled value."""
    rows, columns = pooled.shape[1:3]
    parts = []
    for phase in phases:
        won = phase[:, :rows, :columns] == pooled
        rest = ((0, 0), (0, phase.shape[1] - rows), (0, phase.shape[2] - columns), (0, 0))
        parts.append(jnp.pad(jnp.where(won, g, 0), rest))
        g = jnp.where(won, 0, g)
    return parts
