"""A linear layer as a pytree."""

from __future__ import annotations

from typing import NamedTuple

import jax


class Weights(NamedTuple):
    """A linear layer."""

    matrix: jax.Array  # [features, way]
    bias: jax.Array  # [way]

    def logits(self, features: jax.Array) -> jax.Array:
        """[n, features] to [n, way]."""
        return features @ self.matrix + self.bias[None]
