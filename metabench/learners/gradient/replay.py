"""The meta-learner LSTM over several steps whose gradients and losses are known, block by block.

If gradients are constants for the outer loop, no coordinate depends on another. So a block of
coordinates goes through all steps, and back, while it lies in the cache.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from metabench.learners.gradient.gates import Cell, P, Weights, advance, blank

BLOCK = 128  # coordinates


def replayed(
    weights: Weights,
    theta: jax.Array,
    gradients: jax.Array,
    losses: jax.Array,
    p: float = P,
    block: int = BLOCK,
) -> jax.Array:
    """The parameters after all steps, differentiable in `weights` and `theta`: [n].

    Args:
      weights: of the LSTM.
      theta: before the first step, [n].
      gradients: of each step, [steps, n].
      losses: of each step, [steps].
      p: of the preprocessing.
      block: coordinates that are computed together.
    """
    steps, size = gradients.shape
    padded = -size % block
    blocks = jnp.pad(gradients, ((0, 0), (0, padded))).reshape(steps, -1, block).swapaxes(0, 1)
    starts = jnp.pad(theta, (0, padded)).reshape(-1, block)
    one = jax.checkpoint(partial(_block, weights, losses, p))
    return jax.lax.map(lambda parts: one(*parts), (starts, blocks)).reshape(-1)[:size]


def _block(
    weights: Weights, losses: jax.Array, p: float, theta: jax.Array, gradients: jax.Array
) -> jax.Array:
    def step(
        carry: tuple[jax.Array, Cell], found: tuple[jax.Array, jax.Array]
    ) -> tuple[tuple[jax.Array, Cell], None]:
        theta, state = carry
        gradient, loss = found
        state = advance(weights, state, gradient, theta, loss, p)
        return (state.gates[0] * theta - state.gates[1] * gradient, state), None

    start = theta, blank(weights, theta.size)
    return jax.lax.scan(step, start, (gradients, losses))[0][0]
