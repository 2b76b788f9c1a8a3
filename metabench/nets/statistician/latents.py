"""The latents z of a member: priors p(z_i | z_{i+1}, c), posteriors q(z_i | z_{i+1}, c, x).

Edwards & Storkey 2017, equations 5 to 7. The uppermost layer, z_L, has no z above it.
"""

from __future__ import annotations

import jax
from flax import nnx
from jax import Array

from metabench.nets.statistician.gaussians import Gaussian
from metabench.nets.statistician.layers import Dense, Head, Linear, elu


class Conditional(nnx.Module):
    """A Gaussian over z given some vectors: their linear maps are added, then dense layers."""

    def __init__(
        self,
        sizes: tuple[int, ...],
        hidden: int,
        latent: int,
        norm: bool,
        rngs: nnx.Rngs,
        *,
        residual: int = 2,
    ) -> None:
        """`sizes`: of the vectors that the Gaussian is conditioned on; `residual`: dense layers."""
        self.inputs = nnx.List([Linear(size, hidden, rngs) for size in sizes])
        self.layers = nnx.List([Dense(hidden, hidden, norm, rngs) for _ in range(residual)])
        self.head = Head(hidden, latent, rngs)

    def __call__(self, *given: Array, train: bool = False) -> Gaussian:
        """Vectors [sets, members or 1, size] to a Gaussian over [sets, members or 1, latent]."""
        y = self.inputs[0](given[0])
        for linear, vector in zip(self.inputs[1:], given[1:], strict=True):
            y = y + linear(vector)
        first = y = elu(y)
        for layer in self.layers:
            y = layer(y, train=train)
        return self.head(first + y)


class Layer(nnx.Module):
    """Prior and posterior of one z."""

    def __init__(
        self,
        features: int,
        context: int,
        above: int,
        hidden: int,
        latent: int,
        norm: bool,
        rngs: nnx.Rngs,
        *,
        residual: int = 2,
    ) -> None:
        """`above`: size of z_{i+1}; 0 for the uppermost layer. `residual`: dense layers."""
        given = (context, above) if above else (context,)
        self.prior = Conditional(given, hidden, latent, norm, rngs, residual=residual)
        given = (*given, features)
        self.posterior = Conditional(given, hidden, latent, norm, rngs, residual=residual)


def noise_keys(key: Array, number: int) -> Array:
    """One key for the context and one for each of `number` layers."""
    return jax.random.split(key, number + 1)
