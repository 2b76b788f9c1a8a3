"""One truncation of meta-training: some steps of the optimizer, and the gradient of their losses.

The sum of the optimizees' losses over the steps depends on the LSTM's weights through its
updates. With the optimizees' gradients ∇_t taken as constants, as in the paper, its gradient is
that of Σ_s ⟨c_s, update_s⟩ with c_s = Σ_{t ≥ s} ∇_t, where update_s is what was read from
∇_{s-1}: no second derivatives, nothing but the LSTM to go back through, and c is known once the
steps are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.compute.columnwise import own, summed, taken
from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.lstm import unrolled
from metabench.learned_optimizers.lstm.coordinatewise import (
    SCALE,
    KindOf,
    Kinds,
    P,
    coordinatewise,
    flattened,
    one_kind,
)
from metabench.learned_optimizers.lstm.sequence import weight_gradient
from metabench.types import PyTree


class Rule(NamedTuple):
    """What of the LSTM optimizer is not learned."""

    scale: float = SCALE
    p: float = P
    kind_of: KindOf = one_kind


class Truncated(NamedTuple):
    """What a truncation gives."""

    gradient: Kinds  # of the mean over instances of the sum of losses
    work: unrolled.Work
    losses: jax.Array  # [steps, instances]


def truncation(
    optimizee: Optimizee,
    rule: Rule,
    weights: Kinds,
    data: PyTree,
    instances: unrolled.Instances,
    work: unrolled.Work,
    steps: jax.Array,
    key: jax.Array,
    most: int | None = None,
) -> Truncated:
    """Steps numbered `steps` [n] from `work` on, and the gradient.

    Args:
      optimizee: the family of the instances.
      rule: of the optimizer.
      weights: of the LSTM, by kind.
      data: of the optimizee.
      instances: side by side.
      work: where they are.
      steps: numbers of the steps, which decide the minibatches.
      key: of the choice of coordinates.
      most: coordinates of each array of parameters that the gradient is estimated from, drawn
        anew each time, the larger their part the likelier; without bias. None: all of them.
    """
    optimizer = coordinatewise(weights, rule.scale, rule.p, rule.kind_of)
    kinds = rule.kind_of(work.params)

    def one(
        work: unrolled.Work, step: jax.Array
    ) -> tuple[unrolled.Work, tuple[jax.Array, dict[str, jax.Array]]]:
        work, losses = unrolled.advance(optimizee, optimizer, data, instances, work, step)
        return work, (losses, flattened(work.gradients, kinds))

    after, (losses, found) = jax.lax.scan(one, work, steps)
    before = flattened(work.gradients, kinds)
    later = {kind: jnp.cumsum(rows[::-1], axis=0)[::-1] for kind, rows in found.items()}
    chosen = chosen_coordinates(work.params, kinds, later, key, most) if most else {}
    share = rule.scale / losses.shape[1]  # of an update, in the mean over instances
    gradient = {}
    for kind in work.state:
        state = work.state[kind]
        read = jnp.concatenate([before[kind][None], found[kind][:-1]])
        cotangents = share * later[kind]
        if kind in chosen:
            columns, stands_for = chosen[kind]
            read, cotangents = read[:, columns], cotangents[:, columns] * stands_for[None]
            state = jax.tree.map(lambda leaf, columns=columns: own(taken(leaf, columns)), state)
        mine = weight_gradient(weights[kind], state, own(read), own(cotangents), rule.p)
        gradient[kind] = summed(mine)
    return Truncated(gradient, after, losses)


def chosen_coordinates(
    params: PyTree,
    kinds: PyTree,
    cotangents: Mapping[str, jax.Array],
    key: jax.Array,
    most: int,
) -> dict[str, tuple[jax.Array, jax.Array]]:
    """For each kind: columns of its vector, and how many coordinates each stands for.

    All of an array of up to `most`; of a larger one `most`, with replacement and in proportion to
    the size of their `cotangents` [steps, n]: those without any have no part in the gradient.
    """
    found: dict[str, list[tuple[jax.Array, jax.Array]]] = {}
    offset: dict[str, int] = {}
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(kinds), strict=True)
    for number, (leaf, kind) in enumerate(pairs):
        size, start = leaf.size, offset.get(kind, 0)
        if size <= most:
            columns, stands_for = jnp.arange(size), jnp.ones(size)
        else:
            sizes = jnp.linalg.norm(cotangents[kind][:, start : start + size], axis=0)
            columns, stands_for = _drawn(sizes, jax.random.fold_in(key, number), most)
        found.setdefault(kind, []).append((start + columns, stands_for))
        offset[kind] = start + size
    return {
        kind: (jnp.concatenate([c for c, _ in parts]), jnp.concatenate([s for _, s in parts]))
        for kind, parts in found.items()
    }


def _drawn(sizes: jax.Array, key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """`count` places in proportion to `sizes` [n], and the inverse of how often each is expected.

    Evenly spaced points on the sum of sizes, all moved by one random number: the least noise.
    """
    ends = jnp.cumsum(sizes)
    points = (jnp.arange(count) + jax.random.uniform(key)) * (ends[-1] / count)
    places = jnp.clip(jnp.searchsorted(ends, points, side="right"), 0, sizes.size - 1)
    taken = sizes[places]
    return places, jnp.where(taken > 0, ends[-1] / (count * jnp.where(taken > 0, taken, 1.0)), 0.0)
