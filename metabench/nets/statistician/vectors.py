"""Vectors: a dense encoder, and a dense decoder with Gaussian noise.

As in the paper's experiments on one-dimensional distributions and Spatial MNIST (section 5).
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jax import Array

from metabench.nets.statistician.gaussians import Gaussian, draw, log_density
from metabench.nets.statistician.layers import Dense, Head


class VectorEncoder(nnx.Module):
    """Vectors [n, size] to features [n, hidden]. No layers: the vectors themselves."""

    def __init__(self, size: int, hidden: int, layers: int, norm: bool, rngs: nnx.Rngs) -> None:
        inputs = (size, *[hidden] * layers)
        self.layers = nnx.List([Dense(i, hidden, norm, rngs) for i in inputs[:-1]])
        self.features = inputs[-1]

    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """[n, size] to [n, features]."""
        for layer in self.layers:
            x = layer(x, train=train)
        return x


class GaussianVectors(nnx.Module):
    """Vectors to a Gaussian over vectors."""

    def __init__(
        self,
        inputs: Sequence[int],
        size: int,
        hidden: int,
        layers: int,
        norm: bool,
        rngs: nnx.Rngs,
    ) -> None:
        """`inputs`: sizes of the vectors; `size`: of the vectors that the Gaussian is over."""
        widths = (sum(inputs), *[hidden] * layers)
        self.layers = nnx.List([Dense(i, hidden, norm, rngs) for i in widths[:-1]])
        self.head = Head(widths[-1], size, rngs)

    def __call__(self, *given: Array, train: bool = False) -> Gaussian:
        """Vectors [sets, members or 1, size] to a Gaussian over [sets, members, size]."""
        lead = jnp.broadcast_shapes(*(x.shape[:-1] for x in given))
        y = jnp.concatenate([jnp.broadcast_to(x, (*lead, x.shape[-1])) for x in given], axis=-1)
        for layer in self.layers:
            y = layer(y, train=train)
        return self.head(y)

    @staticmethod
    def log_likelihood(found: Gaussian, x: Array) -> Array:
        """Log p(x), in nats: [sets, members, size] to [sets, members]."""
        return log_density(found, x)

    @staticmethod
    def mean(found: Gaussian) -> Array:
        """Its mean."""
        return found.mean

    @staticmethod
    def sample(key: Array, found: Gaussian) -> Array:
        """One draw."""
        return draw(key, found)
