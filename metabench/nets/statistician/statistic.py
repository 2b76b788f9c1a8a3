"""The statistic network q(c | D): layers on each member, the mean over members, layers on the mean.

Edwards & Storkey 2017, section 3.4. Members may be left out of the mean. The number of those kept
is a feature (section 4.3, "sample dropout"); here it is its logarithm, which is small even in large
sets.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from metabench.nets.statistician.contexts import Context
from metabench.nets.statistician.layers import Dense, Head, MixtureHead


class Statistic(nnx.Module):
    """Features of the members of sets to a distribution over the context of each set."""

    def __init__(
        self,
        features: int,
        hidden: int,
        context: int,
        norm: bool,
        rngs: nnx.Rngs,
        *,
        components: int | None = None,
    ) -> None:
        """`components`: of a mixture; None: one Gaussian."""
        self.before = Dense(features, hidden, norm, rngs)
        self.after = nnx.List(
            [Dense(size, hidden, norm, rngs) for size in (hidden + 1, hidden)],
        )
        self.head: Head | MixtureHead = (
            Head(hidden, context, rngs)
            if components is None
            else MixtureHead(hidden, context, components, rngs)
        )

    def __call__(self, h: Array, member: Array, *, train: bool = False) -> Context:
        """The posterior of each set's context.

        Args:
          h: features, [members of all sets, features].
          member: 1 where a member is in a set and counts, else 0: [sets, members of all sets].
          train: normalise by the batch.
        """
        counts = member.sum(1, keepdims=True)
        mean = member @ self.before(h, train=train) / jnp.maximum(counts, 1)
        y = jnp.concatenate([mean, jnp.log(jnp.maximum(counts, 1))], axis=1)
        for layer in self.after:
            y = layer(y, train=train)
        return self.head(y)


def kept(key: Array, sets: int, members: int, drop: float) -> Array:
    """Which members stay, [sets, members] of 0 and 1: each with probability 1 - `drop`.

    The first one always stays.
    """
    stay = jax.random.bernoulli(key, 1 - drop, (sets, members))
    return stay.at[:, 0].set(True).astype(jnp.float32)


def membership(stay: Array) -> Array:
    """[sets, members] to the matrix [sets, sets * members] that `Statistic` needs."""
    sets, members = stay.shape
    return (jnp.eye(sets)[:, :, None] * stay[None]).reshape(sets, sets * members)


def those_kept(stay: Array, most: int) -> tuple[Array, Array]:
    """The members that stay, selected from all sets, so that the others need not be encoded.

    Args:
      stay: [sets, members] of 0 and 1; the first member of each set stays.
      most: how many are selected, at least `sets`. If more stay, the rest is left out; if fewer
        stay, some are selected that have no effect.

    Returns:
      Their places among the members of all sets, int32 [most], and their membership [sets, most].
    """
    rank = stay.at[:, 0].add(1.0)  # the first member of each set comes before all others
    _, places = jax.lax.top_k(rank.reshape(-1), most)
    return places, membership(stay)[:, places]


def most_kept(sets: int, members: int, drop: float) -> int:
    """How many members stay in all sets at most: the mean plus three standard deviations."""
    others = sets * (members - 1)
    mean, variance = others * (1 - drop), others * drop * (1 - drop)
    return sets + min(others, math.ceil(mean + 3 * math.sqrt(variance)))
