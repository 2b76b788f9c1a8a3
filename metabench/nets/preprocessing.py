"""The inputs of learned optimizers: each gradient or loss as two numbers of moderate size."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def preprocessed(x: jax.Array, p: float = 10.0) -> jax.Array:
    """[...] to [..., 2]: size and sign of large numbers; small numbers are enlarged.

    (log|x| / p, sign x) where |x| ≥ e^-p, else (-1, e^p x): Andrychowicz et al. 2016, appendix A.
    """
    size = jnp.abs(x)
    large = size >= jnp.exp(-p)
    # The logarithm must be finite even where it is not used, or its gradient would not be.
    first = jnp.where(large, jnp.log(jnp.where(large, size, 1.0)) / p, -1.0)
    second = jnp.where(large, jnp.sign(x), jnp.exp(p) * x)
    return jnp.stack([first, second], axis=-1)
