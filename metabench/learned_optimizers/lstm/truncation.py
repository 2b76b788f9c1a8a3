"""One truncation of meta-training: some steps of the optimizer, and the gradient of their losses.

The sum of the optimizees' losses over the steps depends on the LSTM's weights through its
updates. If the optimizees' gradients ∇_t are constants, as in the paper, its gradient is
that of Σ_s ⟨c_s, update_s⟩ with c_s = Σ_{t ≥ s} ∇_t, where update_s is the LSTM's output after it
read ∇_{s-1}. So there are no second derivatives, the backward pass goes through the LSTM alone, and
c is known when the steps are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.compute.columnwise import own, summed, taken
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
from metabench.learned_optimizers.lstm.restarts import restarting
from metabench.learned_optimizers.lstm.sequence import weight_gradient
from metabench.types import PyTree


class Rule(NamedTuple):
    """What of the LSTM optimizer and of its training is not learned."""

    scale: float = SCALE
    p: float | None = P  # of the preprocessing; None: there is none
    kind_of: KindOf = one_kind
    most: int | None = None
    """Coordinates of each array of parameters that the gradient is estimated from, drawn anew for
    each truncation, the larger their part the likelier; without bias. None: all of them."""
    reset_every: int | None = None
    """Steps after which the LSTM's state begins anew, in training too; None: never."""

    def optimizer(self, weights: Kinds) -> optax.GradientTransformation:
        """The optimizer with these weights of the LSTM, by kind; its state never begins anew."""
        return coordinatewise(weights, self.scale, self.p, self.kind_of)

    def trained(self, weights: Kinds) -> optax.GradientTransformation:
        """The optimizer as it is used after training."""
        optimizer = self.optimizer(weights)
        return optimizer if self.reset_every is None else restarting(optimizer, self.reset_every)


class Truncated(NamedTuple):
    """The outcome of a truncation."""

    gradient: Kinds  # of the mean over instances of the sum of losses
    work: unrolled.Work
    losses: jax.Array  # [steps, instances]


def truncation(
    batch: unrolled.Batch,
    rule: Rule,
    weights: Kinds,
    work: unrolled.Work,
    steps: jax.Array,
    key: jax.Array,
) -> Truncated:
    """The steps with the numbers `steps` [n], starting from `work`, and the gradient.

    Args:
      batch: instances side by side.
      rule: of the optimizer.
      weights: of the LSTM, by kind.
      work: where the instances are.
      steps: numbers of the steps, which decide the minibatches.
      key: of the choice of coordinates.
    """
    optimizer, kinds = rule.optimizer(weights), rule.kind_of(work.params)

    def one(
        work: unrolled.Work, step: jax.Array
    ) -> tuple[unrolled.Work, tuple[jax.Array, dict[str, jax.Array]]]:
        work, losses = unrolled.advance(batch, optimizer, work, step)
        return work, (losses, flattened(work.gradients, kinds))

    after, (losses, found) = jax.lax.scan(one, work, steps)
    before = flattened(work.gradients, kinds)
    later = {kind: jnp.cumsum(rows[::-1], axis=0)[::-1] for kind, rows in found.items()}
    chosen = chosen_coordinates(work.params, kinds, later, key, rule.most) if rule.most else {}
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
    """For each kind: columns of its vector, and how many coordinates each of them represents.

    These are all columns of an array of up to `most` coordinates. From a larger array, `most` are
    drawn, with replacement and in proportion to the size of their `cotangents` [steps, n];
    coordinates without cotangents do not change the gradient.
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
    """`count` places in proportion to `sizes` [n], and the inverse of their expected counts.

    They are evenly spaced points on the sum of sizes, moved by one random number, which has
    less noise than independent draws.
    """
    ends = jnp.cumsum(sizes)
    points = (jnp.arange(count) + jax.random.uniform(key)) * (ends[-1] / count)
    places = jnp.clip(jnp.searchsorted(ends, points, side="right"), 0, sizes.size - 1)
    taken = sizes[places]
    return places, jnp.where(taken > 0, ends[-1] / (count * jnp.where(taken > 0, taken, 1.0)), 0.0)
