"""One block of a Conv4 as one function: convolution, batch norm, ReLU and max pooling.

On a CPU, and there only, with a backward rule written by hand. Batch norm and ReLU are monotone in
each channel, so the pooling may come first: the maximum of a window where `scale` is not negative,
its minimum where it is. Then ReLU, and every sum of the backward pass, run over a quarter of the
entries, and a single pass over the rest yields the gradient to the convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from metabench.nets.ops import conv3x3, conv3x3_phases, max_pool2, native

_PIXELS = (0, 1, 2)


class Block(NamedTuple):
    """What a block returns."""

    y: Float[Array, "n half_h half_w d"]
    mean: Float[Array, " d"]
    """Mean of the convolution over images and pixels."""
    var: Float[Array, " d"]
    """Its variance, divided by the number of entries, not by one less."""


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
    returned statistics too. Where entries of a window tie, the first takes the gradient.
    """
    scale, bias = scale[None, None, None], bias[None, None, None]
    if native():
        block = _composed(conv3x3(x, kernel), scale, bias, epsilon)
    else:
        block = _norm_relu_pool(epsilon, conv3x3_phases(x, kernel), scale, bias)
    return Block(block.y, block.mean[0, 0, 0], block.var[0, 0, 0])


def conv_affine_relu_pool(
    x: Float[Array, "n h w c"],
    kernel: Float[Array, "3 3 c d"],
    scale: Float[Array, " d"],
    bias: Float[Array, " d"],
) -> Float[Array, "n half_h half_w d"]:
    """max_pool2(relu(conv3x3(x, kernel) * scale + bias)): a block whose statistics are known.

    The scale goes into the kernel, and the pooling comes before the bias and ReLU.
    """
    kernel, bias = kernel * scale[None, None, None], bias[None, None, None]
    if native():
        return max_pool2(jax.nn.relu(conv3x3(x, kernel) + bias))
    a, b, c, d = conv3x3_phases(x, kernel, whole=False)
    return jax.nn.relu(jnp.maximum(jnp.maximum(a, b), jnp.maximum(c, d)) + bias)


# From here on whatever belongs to a channel has the shape [1, 1, 1, d].


def _composed(x: Array, scale: Array, bias: Array, epsilon: float) -> Block:
    mean, var = x.mean(_PIXELS, keepdims=True), x.var(_PIXELS, keepdims=True)
    normed = (x - mean) * (lax.rsqrt(var + epsilon) * scale) + bias
    return Block(max_pool2(jax.nn.relu(normed)), mean, var)


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
    # Sixteen transforms read these: without the barrier each would compute them again.
    return lax.optimization_barrier(to_phases), to_scale, to_bias


_norm_relu_pool.defvjp(_forward, _backward)


def _entries(phases: Sequence[Array]) -> int:
    """The number of entries in one channel."""
    return sum(phase.size for phase in phases) // phases[0].shape[-1]


def _sum(x: Array) -> Array:
    return x.sum(_PIXELS, keepdims=True)


def _pool(phases: Sequence[Array], scale: Array) -> Array:
    rows, columns = phases[3].shape[1:3]
    a, b, c, d = (phase[:, :rows, :columns] for phase in phases)
    most = jnp.maximum(jnp.maximum(a, b), jnp.maximum(c, d))
    least = jnp.minimum(jnp.minimum(a, b), jnp.minimum(c, d))
    return jnp.where(scale >= 0, most, least)


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
