"""3x3 convolution and 2x2 max pooling whose gradients are fast on a CPU.

XLA's own gradients of a convolution are slow on a CPU, and slower again inside `lax.scan`, where
training runs. Here a convolution is sixteen matrix products instead: Winograd's F(2x2, 3x3), after
Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), equations 7 to 9.
All arithmetic is in floats of the input's precision.

The output consists of 2x2 tiles, which are the windows of the max pooling that follows. So an
image may stay divided into its four *phases*: phase (a, b) holds the entries [2t + a, 2s + b].
Every part is linear or made of differentiable operations, so derivatives of any order work.

On a GPU or TPU the native operations are better; `native` chooses. No parameters, no modules here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from metabench.compute.native import native

# Below this many input channels, products of patches cost less than the transforms.
_FEW_CHANNELS = 8

_QUAD = tuple(product(range(2), repeat=2))
_SQUARE = tuple(product(range(3), repeat=2))
_TILE = tuple(product(range(4), repeat=2))


def conv3x3(x: Float[Array, "n h w c"], kernel: Float[Array, "3 3 c d"]) -> Float[Array, "n h w d"]:
    """Convolves with stride 1 and a border of zeros (SAME)."""
    if native():
        return lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    return interleave(conv3x3_phases(x, kernel))


def conv3x3_half(
    x: Float[Array, "n h w c"], kernel: Float[Array, "3 3 c d"]
) -> Float[Array, "n half_h half_w d"]:
    """`conv3x3(x, kernel)[:, ::2, ::2]`: stride 2, odd sizes rounded up."""
    if native():
        return lax.conv_general_dilated(
            x, kernel, (2, 2), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    windows = _windows(_pad(x))
    patches = jnp.concatenate([windows[4 * i + j] for i, j in _SQUARE], axis=-1)
    return _product(patches, kernel.reshape(-1, kernel.shape[-1]))


def double2(x: Float[Array, "n h w c"], kernel: Float[Array, "2 2 c d"]) -> Float[Array, "n _ _ d"]:
    """Transposed convolution, 2x2 with stride 2: every pixel becomes four, [n, 2h, 2w, d]."""
    return interleave([_product(x, kernel[a, b]) for a, b in _QUAD])


def max_pool2(x: Float[Array, "n h w c"]) -> Float[Array, "n half_h half_w c"]:
    """Maximum of every 2x2 window, stride 2; an odd last row or column is left out."""
    if native():
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    first, second, third, fourth = split(x[:, :height, :width])
    return jnp.maximum(jnp.maximum(first, second), jnp.maximum(third, fourth))


def conv3x3_phases(
    x: Float[Array, "n h w c"], kernel: Float[Array, "3 3 c d"], *, whole: bool = True
) -> list[Float[Array, "n _ _ d"]]:
    """`split(conv3x3(x, kernel))`, without computing the argument as a whole.

    Without `whole`, an odd last row or column is neither computed nor returned, as pooling leaves
    it out.
    """
    _, height, width, channels = x.shape
    windows = _windows(_pad(x, whole))
    convolve = _by_patches if channels < _FEW_CHANNELS else _by_winograd
    phases = convolve(windows, kernel)
    if not whole:
        return phases
    return [
        phase[:, : (height - a + 1) // 2, : (width - b + 1) // 2]
        for (a, b), phase in zip(_QUAD, phases, strict=True)
    ]


@jax.custom_vjp
def split(x: Float[Array, "n h w c"]) -> list[Float[Array, "n _ _ c"]]:
    """The phases x[:, a::2, b::2] in the order (0, 0), (0, 1), (1, 0), (1, 1)."""
    return [x[:, a::2, b::2] for a, b in _QUAD]


@jax.custom_vjp
def interleave(phases: Sequence[Float[Array, "n _ _ c"]]) -> Float[Array, "n h w c"]:
    """The inverse of `split`."""
    count, rows, columns, channels = phases[0].shape
    height, width = rows + phases[2].shape[1], columns + phases[1].shape[2]
    full = [_grow(phase, rows, columns) for phase in phases]
    pairs = [jnp.stack(full[k : k + 2], axis=3) for k in (0, 2)]
    dense = jnp.stack(pairs, axis=2).reshape(count, 2 * rows, 2 * columns, channels)
    return dense[:, :height, :width]


# Each is the transpose of the other. Autodiff would dilate by a pad for each phase, which is slow.
split.defvjp(lambda x: (split(x), None), lambda _, g: (interleave(g),))
interleave.defvjp(lambda phases: (interleave(phases), None), lambda _, g: (split(g),))


@jax.custom_vjp
def _windows(padded: Array) -> list[Array]:
    """The sixteen entries [n, t, s, c] of every 4x4 window, stride 2, of [n, 2t + 2, 2s + 2, c]."""
    rows, columns = padded.shape[1] - 3, padded.shape[2] - 3
    return [padded[:, i : i + rows : 2, j : j + columns : 2] for i, j in _TILE]


@jax.custom_vjp
def _overlap_add(windows: Sequence[Array]) -> Array:
    """The transpose of `_windows`: every entry of the image is the sum of its copies in windows."""
    phases = [
        sum(
            (_shift(windows[4 * i + j], i // 2, j // 2) for i in (a, a + 2) for j in (b, b + 2)),
            start=jnp.zeros((), windows[0].dtype),
        )
        for a, b in _QUAD
    ]
    # Without the barrier XLA computes all four phases again for each entry that it interleaves.
    return interleave(lax.optimization_barrier(phases))


_windows.defvjp(lambda x: (_windows(x), None), lambda _, g: (_overlap_add(g),))
_overlap_add.defvjp(lambda windows: (_overlap_add(windows), None), lambda _, g: (_windows(g),))


@jax.custom_vjp
def _product(x: Array, matrix: Array) -> Array:
    """[..., c] times [c, d]. The matrix gradient of autodiff would copy x transposed."""
    return x @ matrix


def _product_gradients(operands: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, matrix = operands
    channels, features = matrix.shape
    return _product(g, matrix.T), x.reshape(-1, channels).T @ g.reshape(-1, features)


_product.defvjp(lambda x, matrix: (_product(x, matrix), (x, matrix)), _product_gradients)


def _grow(x: Array, rows: int, columns: int) -> Array:
    return jnp.pad(x, ((0, 0), (0, rows - x.shape[1]), (0, columns - x.shape[2]), (0, 0)))


def _shift(x: Array, down: int, right: int) -> Array:
    return jnp.pad(x, ((0, 0), (down, 1 - down), (right, 1 - right), (0, 0)))


def _pad(x: Array, whole: bool = True) -> Array:
    """The border of zeros, with one more row or column if that makes their number even.

    Without `whole`, one less is enough: the odd last row or column is then itself the border.
    """
    odd = 1 if whole else -1
    below, right = 1 + odd * (x.shape[1] % 2), 1 + odd * (x.shape[2] % 2)
    return jnp.pad(x, ((0, 0), (1, below), (1, right), (0, 0)))


def _by_patches(windows: Sequence[Array], kernel: Array) -> list[Array]:
    matrix = kernel.reshape(-1, kernel.shape[-1])
    patches = [
        jnp.concatenate([windows[4 * (a + i) + b + j] for i, j in _SQUARE], axis=-1)
        for a, b in _QUAD
    ]
    return [_product(patch, matrix) for patch in patches]


def _by_winograd(windows: Sequence[Array], kernel: Array) -> list[Array]:
    inputs = _both_axes(_transform_input, windows, 4)
    kernels = _both_axes(_transform_kernel, [kernel[i, j] for i, j in _SQUARE], 3)
    products = [_product(x, matrix) for x, matrix in zip(inputs, kernels, strict=True)]
    return _both_axes(_transform_output, products, 4)


def _both_axes(
    transform: Callable[[Sequence[Array]], list[Array]], grid: Sequence[Array], side: int
) -> list[Array]:
    """Transforms a grid, given row by row with `side` entries each, along both its axes."""
    rows = [transform(grid[k : k + side]) for k in range(0, len(grid), side)]
    columns = [transform(column) for column in zip(*rows, strict=True)]
    return [entry for row in zip(*columns, strict=True) for entry in row]


def _transform_input(d: Sequence[Array]) -> list[Array]:
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _transform_kernel(g: Sequence[Array]) -> list[Array]:
    return [g[0], (g[0] + g[1] + g[2]) / 2, (g[0] - g[1] + g[2]) / 2, g[2]]


def _transform_output(m: Sequence[Array]) -> list[Array]:
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]
