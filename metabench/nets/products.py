"""3x3 convolutions as one matrix product, for weights that differ from episode to episode.

Under `jax.vmap` over kernels XLA turns a convolution into a grouped one, which is slow everywhere;
a product of patches and kernel becomes a batched product instead. The gradients to input and kernel
are products of the same kind, and so are their gradients: derivatives of any order are fast and
compile fast, which MAML needs. Plain functions, no parameters.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from metabench.nets.ops import split

SIDE = 3


@jax.custom_vjp
def convolve(x: Float[Array, "n h w c"], kernel: Float[Array, "3 3 c d"]) -> Array:
    """Convolution with stride 1 and a border of zeros: [n, h, w, d]."""
    return patches(x) @ kernel.reshape(-1, kernel.shape[-1])


@jax.custom_vjp
def correlate(x: Float[Array, "n h w c"], g: Float[Array, "n h w d"]) -> Array:
    """The gradient to the kernel, from the output's gradient `g`: [3, 3, c, d]."""
    found = patches(x).reshape(-1, SIDE * SIDE * x.shape[-1]).T @ g.reshape(-1, g.shape[-1])
    return found.reshape(SIDE, SIDE, x.shape[-1], g.shape[-1])


def turned(kernel: Array) -> Array:
    """The kernel of the gradient to the input: rotated by 180 degrees, channels swapped."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


# Both are linear in each argument, so each gradient is one of the two again.
convolve.defvjp(
    lambda x, kernel: (convolve(x, kernel), (x, kernel)),
    lambda saved, g: (convolve(g, turned(saved[1])), correlate(saved[0], g)),
)
correlate.defvjp(
    lambda x, g: (correlate(x, g), (x, g)),
    lambda saved, k: (convolve(saved[1], turned(k)), convolve(saved[0], k)),
)


def patches(x: Float[Array, "n h w c"]) -> Array:
    """The 3x3 surroundings of every pixel: [n, h, w, 9 c]."""
    _, height, width, _ = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [padded[:, i : i + height, j : j + width] for i in range(SIDE) for j in range(SIDE)]
    return jnp.concatenate(shifts, axis=-1)


def convolve_half(x: Float[Array, "n h w c"], kernel: Float[Array, "3 3 c d"]) -> Array:
    """Convolution with stride 2, odd sizes rounded up: [n, (h + 1) // 2, (w + 1) // 2, d].

    The border of zeros is no wider than needed, and wider at the end if it is uneven: padding
    `SAME` of TensorFlow and XLA.
    """
    found = patches_half(x)
    return (found.reshape(-1, found.shape[-1]) @ kernel.reshape(-1, kernel.shape[-1])).reshape(
        *found.shape[:3], -1
    )


def patches_half(x: Float[Array, "n h w c"]) -> Array:
    """The 3x3 windows of a convolution with stride 2: [n, (h + 1) // 2, (w + 1) // 2, 9 c].

    They are slices of the four phases of the image. Autodiff of slices with stride 2 would dilate
    gradients by a pad for each, which is slow; slices of phases and `split` have none.
    """
    rows, columns = (x.shape[1] + 1) // 2, (x.shape[2] + 1) // 2
    odd = x.shape[1] % 2, x.shape[2] % 2  # an odd size needs a border at both ends
    phases = split(jnp.pad(x, ((0, 0), (odd[0], 2), (odd[1], 2), (0, 0))))
    windows = [
        phases[2 * (i % 2) + j % 2][:, i // 2 : i // 2 + rows, j // 2 : j // 2 + columns]
        for i in range(SIDE)
        for j in range(SIDE)
    ]
    return jnp.concatenate(windows, axis=-1)


def pool(x: Float[Array, "n h w c"], *, whole: bool = False) -> Array:
    """Maximum of every 2x2 window, stride 2.

    An odd last row or column is left out, or with `whole` makes windows of its own.
    """
    if whole:
        missing = ((0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0))
        x = jnp.pad(x, missing, constant_values=-jnp.inf)
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    first, second, third, fourth = split(x[:, :height, :width])
    return jnp.maximum(jnp.maximum(first, second), jnp.maximum(third, fourth))
