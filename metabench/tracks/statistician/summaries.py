"""The members that describe a set best: a greedy summary by Kullback-Leibler divergence.

Edwards & Storkey 2017, section 5.2: members are taken one after the other, each time the one that
brings the context inferred from the summary nearest to the context of the whole set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.errors import UserError
from metabench.nets.statistician.gaussians import Gaussian, kl


class Summary(NamedTuple):
    """Members in the order in which they were taken."""

    members: jax.Array  # int32 [size]
    divergence: jax.Array  # [size]; KL(q(c | whole) ‖ q(c | summary so far)), in nats


def summarise(posterior: Callable[[jax.Array], Gaussian], members: int, size: int) -> Summary:
    """A summary of `size` out of `members` members.

    Args:
      posterior: subsets as rows of 0 and 1, [subsets, members], to q(c | subset).
      members: of the whole set.
      size: of the summary.

    Raises:
      UserError: a size that is not from 1 to `members`.
    """
    if not 1 <= size <= members:
        raise UserError(f"`size` is {size}; it must be from 1 to {members}, the members of the set")
    whole = posterior(jnp.ones((1, members)))

    def take(chosen: jax.Array, _: None) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        candidates = jnp.maximum(chosen[None], jnp.eye(members))
        apart = jnp.where(chosen > 0, jnp.inf, kl(whole, posterior(candidates)))
        best = apart.argmin().astype(jnp.int32)
        return chosen.at[best].set(1.0), (best, apart[best])

    _, (order, divergence) = jax.lax.scan(take, jnp.zeros(members), None, length=size)
    return Summary(order, divergence)
