"""The members that describe a set best: a greedy summary by Kullback-Leibler divergence.

Edwards & Storkey 2017, section 5.2. Public code of the paper discards members one after the other,
each time the one whose loss leaves the context nearest to that of the whole set. Taking members one
after the other is ours, and less work for a small summary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, cast

import jax
import jax.numpy as jnp

from metabench.errors import UserError
from metabench.nets.statistician.contexts import Context, kl

Greedy = Literal["discard", "take"]


class Summary(NamedTuple):
    """Members in an order: the first k of them are the summary of k."""

    members: jax.Array  # int32 [size]
    divergence: jax.Array  # [size]; KL(q(c | whole) ‖ q(c | the first 1, 2, …)), in nats


def check_greedy(word: str) -> Greedy:
    """`word` as a way of summarising; `UserError` where it is none."""
    if word not in ("discard", "take"):
        raise UserError(f"`greedy` is {word!r}; it must be one of: discard, take")
    return cast("Greedy", word)


def summarise(
    posterior: Callable[[jax.Array], Context], members: int, size: int, greedy: Greedy = "take"
) -> Summary:
    """A summary of `size` out of `members` members.

    Args:
      posterior: subsets as rows of 0 and 1, [subsets, members], to q(c | subset).
      members: of the whole set.
      size: of the summary.
      greedy: `take` adds the best member to the summary so far; `discard` removes from all members
        the one that is missed least, until one is left.

    Raises:
      UserError: a size that is not from 1 to `members`, or another way of summarising.
    """
    if not 1 <= size <= members:
        raise UserError(f"`size` is {size}; it must be from 1 to {members}, the members of the set")
    adding = check_greedy(greedy) == "take"
    whole = posterior(jnp.ones((1, members)))

    def move(chosen: jax.Array, _: None) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """The nearest subset that has one member more or less."""
        each = jnp.eye(members)
        candidates = jnp.maximum(chosen[None], each) if adding else chosen[None] * (1 - each)
        apart = jnp.where((chosen > 0) == adding, jnp.inf, kl(whole, posterior(candidates)))
        best = apart.argmin().astype(jnp.int32)
        return chosen.at[best].set(1.0 if adding else 0.0), (best, apart[best])

    if adding:
        _, (order, divergence) = jax.lax.scan(move, jnp.zeros(members), None, length=size)
        return Summary(order, divergence)
    left, (order, divergence) = jax.lax.scan(move, jnp.ones(members), None, length=members - 1)
    order = jnp.append(order, left.argmax().astype(jnp.int32))[::-1]
    divergence = jnp.append(divergence[::-1], kl(whole, whole))
    return Summary(order[:size], divergence[:size])
