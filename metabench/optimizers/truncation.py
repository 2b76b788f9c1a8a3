"""One truncation of meta-training: some steps of the optimizer, and the gradient of their losses.

The sum of the optimizees' losses over the steps depends on the LSTM's weights through its
updates. With the optimizees' gradients ∇_t taken as constants, as in the paper, its gradient is
that of Σ_s ⟨c_s, update_s⟩ with c_s = Σ_{t ≥ s} ∇_t, where update_s is what was read from
∇_{s-1}: no second derivatives, nothing but the LSTM to go back through, and c is known once the
steps are done.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.optimizees.contract import Optimizee
from metabench.optimizers import unrolled
from metabench.optimizers.coordinatewise import (
    SCALE,
    KindOf,
    Kinds,
    P,
    State,
    coordinatewise,
    flattened,
    one_kind,
)
from metabench.optimizers.sequence import weight_gradient
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
        at random anew each time; without bias. None: all of them.
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
    chosen = chosen_coordinates(work.params, kinds, key, most)
    share = rule.scale / losses.shape[1]  # of an update, in the mean over instances
    gradient = {
        kind: _gradient(
            weights[kind], work.state[kind], before[kind], found[kind], chosen[kind], share, rule.p
        )
        for kind in found
    }
    return Truncated(gradient, after, losses)


def _gradient(
    weights: Any,
    state: State,
    before: jax.Array,
    found: jax.Array,
    chosen: tuple[jax.Array, jax.Array],
    share: float,
    p: float,
) -> Any:
    """Of one kind; `found` [steps, n] are the gradients after each step, `before` [n] the first."""
    columns, stands_for = chosen
    later = found[:, columns]
    read = jnp.concatenate([before[columns][None], later[:-1]])
    cotangents = jnp.cumsum(later[::-1], axis=0)[::-1] * (share * stands_for)[None]
    state = jax.tree.map(lambda leaf: leaf[:, columns], state)
    return weight_gradient(weights, state, read, cotangents, p)


def chosen_coordinates(
    params: PyTree, kinds: PyTree, key: jax.Array, most: int | None
) -> dict[str, tuple[jax.Array, jax.Array]]:
    """For each kind: columns of its vector, and how many coordinates each stands for.

    All of an array of up to `most`; of a larger one `most`, drawn with replacement.
    """
    columns: dict[str, list[jax.Array]] = {}
    stands_for: dict[str, list[np.ndarray]] = {}
    offset: dict[str, int] = {}
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(kinds), strict=True)
    for number, (leaf, kind) in enumerate(pairs):
        size, start = leaf.size, offset.get(kind, 0)
        if most is None or size <= most:
            found, each = jnp.arange(size), np.ones(size, np.float32)
        else:
            found = jax.random.randint(jax.random.fold_in(key, number), (most,), 0, size)
            each = np.full(most, size / most, np.float32)
        columns.setdefault(kind, []).append(start + found)
        stands_for.setdefault(kind, []).append(each)
        offset[kind] = start + size
    return {
        kind: (jnp.concatenate(columns[kind]), jnp.asarray(np.concatenate(stands_for[kind])))
        for kind in columns
    }
