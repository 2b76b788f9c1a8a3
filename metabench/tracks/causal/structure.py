"""The structural parameter, its regret, and the gradient of it (Bengio et al. 2019, section 3.2).

A hypothesis is a direction: "A causes B" or "B causes A". Each has a model that adapts to a
transfer distribution example by example. The parameter γ is the belief in the first: σ(γ).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def regret(gamma: jax.Array, forward: jax.Array, backward: jax.Array) -> jax.Array:
    """-log(σ(γ) L_forward + σ(-γ) L_backward), in nats (equation 2 of the paper).

    Args:
      gamma: the structural parameter.
      forward: log L of the transfer data under the first hypothesis, each example scored before
        the model adapts to it.
      backward: the same under the second.
    """
    first, second = jax.nn.log_sigmoid(gamma) + forward, jax.nn.log_sigmoid(-gamma) + backward
    return -jnp.logaddexp(first, second)


def regret_gradient(gamma: jax.Array, forward: jax.Array, backward: jax.Array) -> jax.Array:
    """Its derivative by γ, σ(γ) - σ(γ + Δ) with Δ = `forward` - `backward` (proposition 2)."""
    return jax.nn.sigmoid(gamma) - jax.nn.sigmoid(gamma + forward - backward)
