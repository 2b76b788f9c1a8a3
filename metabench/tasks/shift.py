"""What is shown a step late: at each step the value of the step before."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def step_before(values: jax.Array, axis: int = 0) -> jax.Array:
    """The values of the step before along `axis`; zeros at the first step."""
    first = jnp.zeros_like(jax.lax.slice_in_dim(values, 0, 1, axis=axis))
    return jnp.concatenate([first, jax.lax.slice_in_dim(values, 0, -1, axis=axis)], axis=axis)
