"""Layers with batch normalisation and ELU, on vectors and on images.

As in the paper's experiments on images: a linear map, normalised by the batch in training and by
running averages afterwards, then an exponential linear unit.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from metabench.nets.conv4 import EPSILON, MOMENTUM
from metabench.nets.ops import conv3x3, conv3x3_half, double2
from metabench.nets.statistician.gaussians import Gaussian
from metabench.nets.statistician.mixtures import Mixture


def elu(x: Array) -> Array:
    """The exponential linear unit, without `expm1`, which is slow on a CPU."""
    return jnp.where(x > 0, x, jnp.exp(jnp.minimum(x, 0)) - 1)


class BatchNorm(nnx.Module):
    """Batch norm over all axes but the last; the shift is the bias of the layer before."""

    def __init__(self, width: int) -> None:
        self.scale = nnx.Param(jnp.ones(width))
        self.bias = nnx.Param(jnp.zeros(width))
        self.mean = nnx.BatchStat(jnp.zeros(width))
        self.var = nnx.BatchStat(jnp.ones(width))

    def __call__(self, x: Array, *, train: bool) -> Array:
        """[..., width] to the same."""
        axes = tuple(range(x.ndim - 1))
        mean, var = self.mean[...], self.var[...]
        if train:
            mean = x.mean(axes)
            var = jnp.square(x - _wide(mean, x)).mean(axes)
            self.mean[...] = MOMENTUM * self.mean[...] + (1 - MOMENTUM) * mean
            self.var[...] = MOMENTUM * self.var[...] + (1 - MOMENTUM) * var
        slope = self.scale[...] * jax.lax.rsqrt(var + EPSILON)
        return (x - _wide(mean, x)) * _wide(slope, x) + _wide(self.bias[...], x)


def _wide(vector: Array, like: Array) -> Array:
    """[d] with leading axes of length 1, as many as `like` has."""
    return vector.reshape((1,) * (like.ndim - 1) + (-1,))


class Linear(nnx.Module):
    """A matrix and a bias: [..., inputs] to [..., outputs]."""

    def __init__(
        self, inputs: int, outputs: int, rngs: nnx.Rngs, *, bias: bool = True, gain: float = 1.0
    ) -> None:
        initial = nnx.initializers.variance_scaling(gain, "fan_in", "normal")
        self.matrix = nnx.Param(initial(rngs.params(), (inputs, outputs)))
        self.bias = nnx.Param(jnp.zeros(outputs)) if bias else None

    def __call__(self, x: Array) -> Array:
        """[..., inputs] to [..., outputs]."""
        y = x @ self.matrix[...]
        return y if self.bias is None else y + _wide(self.bias[...], y)


class Dense(nnx.Module):
    """Linear, batch norm if `norm`, ELU: [..., inputs] to [..., outputs]."""

    def __init__(self, inputs: int, outputs: int, norm: bool, rngs: nnx.Rngs) -> None:
        self.linear = Linear(inputs, outputs, rngs, bias=not norm, gain=2.0)
        self.norm = BatchNorm(outputs) if norm else None

    def __call__(self, x: Array, *, train: bool) -> Array:
        """[..., inputs] to [..., outputs]."""
        y = self.linear(x)
        return elu(y if self.norm is None else self.norm(y, train=train))


class Head(nnx.Module):
    """Features to the mean and log variance of a Gaussian: [..., inputs] to [..., size]."""

    def __init__(self, inputs: int, size: int, rngs: nnx.Rngs) -> None:
        self.linear = Linear(inputs, 2 * size, rngs, gain=0.5)

    def __call__(self, x: Array) -> Gaussian:
        """[..., inputs] to a Gaussian over [..., size]."""
        mean, log_var = jnp.split(self.linear(x), 2, axis=-1)
        return Gaussian(mean, log_var)


class MixtureHead(nnx.Module):
    """Features to weights, means and log variances: [..., inputs] to a mixture over [..., size]."""

    def __init__(self, inputs: int, size: int, components: int, rngs: nnx.Rngs) -> None:
        self.weights = Linear(inputs, components, rngs, gain=0.5)
        self.heads = Linear(inputs, 2 * size * components, rngs, gain=0.5)
        self.components = components

    def __call__(self, x: Array) -> Mixture:
        """[..., inputs] to a mixture over [..., size]."""
        shape = (*x.shape[:-1], self.components, -1)
        mean, log_var = jnp.split(self.heads(x).reshape(shape), 2, axis=-1)
        return Mixture(jax.nn.log_softmax(self.weights(x)), mean, log_var)


class _Convolution(nnx.Module):
    """A convolution without bias, batch norm and ELU."""

    side: int
    operation: Callable[[Array, Array], Array]

    def __init__(self, channels: int, width: int, rngs: nnx.Rngs) -> None:
        initial = nnx.initializers.he_normal()
        self.kernel = nnx.Param(initial(rngs.params(), (self.side, self.side, channels, width)))
        self.norm = BatchNorm(width)

    def __call__(self, x: Array, *, train: bool) -> Array:
        """[n, h, w, channels] to [n, h', w', width]."""
        return elu(self.norm(type(self).operation(x, self.kernel[...]), train=train))


class Same(_Convolution):
    """3×3, the image keeps its size."""

    side, operation = 3, staticmethod(conv3x3)


class Half(_Convolution):
    """3×3 with stride 2: half the size, rounded up."""

    side, operation = 3, staticmethod(conv3x3_half)


class Double(_Convolution):
    """2×2 transposed with stride 2: twice the size."""

    side, operation = 2, staticmethod(double2)
