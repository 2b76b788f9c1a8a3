"""An optimizer whose state begins anew after every so many steps.

This is ours, not the paper's. The LSTM's cells go on growing beyond the number of steps that it was
trained for, and its updates are no longer those that it learned. A state that begins anew stays
where training has been.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.types import PyTree


class Restarting(NamedTuple):
    """The state of such an optimizer."""

    steps: jax.Array  # since the last restart, scalar
    inner: PyTree  # the optimizer's own state


def restarting(
    optimizer: optax.GradientTransformation, every: int | jax.Array
) -> optax.GradientTransformation:
    """`optimizer`, with its first state again before steps `every` + 1, 2 `every` + 1, ….

    Args:
      optimizer: whose `init` depends on the shapes of the parameters alone.
      every: steps; it may be an array of a compiled program.
    """

    def init(params: PyTree) -> Restarting:
        return Restarting(jnp.zeros((), jnp.int32), optimizer.init(params))

    def update(
        gradients: PyTree, state: Restarting, params: PyTree = None
    ) -> tuple[PyTree, Restarting]:
        over = state.steps >= every
        first = optimizer.init(gradients)
        inner = jax.tree.map(lambda new, old: jnp.where(over, new, old), first, state.inner)
        updates, inner = optimizer.update(gradients, inner, params)
        return updates, Restarting(jnp.where(over, 0, state.steps) + 1, inner)

    return optax.GradientTransformation(init, update)
