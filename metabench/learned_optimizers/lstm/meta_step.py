"""Episodes of meta-training as one compiled program: instances, truncations, Adam."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.lstm import unrolled
from metabench.learned_optimizers.lstm.coordinatewise import Kinds, coordinatewise, first_weights
from metabench.learned_optimizers.lstm.truncation import Rule, truncation
from metabench.types import PyTree


class Sizes(NamedTuple):
    """Of an episode."""

    instances: int  # side by side
    horizon: int  # steps of the optimizer
    truncation: int  # steps that a gradient goes back through
    most: int | None  # coordinates of an array that it is estimated from


class Learned(NamedTuple):
    """The state of meta-training."""

    weights: Kinds
    adam: PyTree


def first_state(
    optimizee: Optimizee,
    rule: Rule,
    meta_optimizer: optax.GradientTransformation,
    key: jax.Array,
    units: int,
    layers: int,
) -> Learned:
    """First weights for each kind of parameter that the optimizee has."""
    params = jax.eval_shape(optimizee.init, key)
    kinds = sorted(set(jax.tree.leaves(rule.kind_of(params))))
    weights = {
        kind: first_weights(jax.random.fold_in(key, number), units, layers)
        for number, kind in enumerate(kinds)
    }
    return Learned(weights, meta_optimizer.init(weights))


def meta_step(
    optimizee: Optimizee,
    rule: Rule,
    meta_optimizer: optax.GradientTransformation,
    sizes: Sizes,
    learned: Learned,
    data: PyTree,
    key: jax.Array,
    number: jax.Array,
) -> tuple[Learned, jax.Array]:
    """Episode `number` of the stream `key`: the new state, and mean losses [horizon].

    Instances run for the horizon; after each truncation the weights move, and what follows goes
    on with the new ones.
    """
    rows = number * sizes.instances + jnp.arange(sizes.instances)
    instances = unrolled.draw(optimizee, key, rows)
    start = coordinatewise(learned.weights, rule.scale, rule.p, rule.kind_of)
    _, work = unrolled.begin(optimizee, start, data, instances)
    choice = jax.random.fold_in(jax.random.fold_in(key, 2**31), number)

    def one(
        carry: tuple[Learned, unrolled.Work], first: jax.Array
    ) -> tuple[tuple[Learned, unrolled.Work], jax.Array]:
        learned, work = carry
        steps = first + 1 + jnp.arange(sizes.truncation)
        found = truncation(
            optimizee,
            rule,
            learned.weights,
            data,
            instances,
            work,
            steps,
            jax.random.fold_in(choice, first),
            sizes.most,
        )
        moves, adam = meta_optimizer.update(found.gradient, learned.adam, learned.weights)
        weights = optax.apply_updates(learned.weights, moves)
        return (Learned(weights, adam), found.work), found.losses.mean(1)

    firsts = jnp.arange(0, sizes.horizon, sizes.truncation)
    (learned, _), losses = jax.lax.scan(one, (learned, work), firsts)
    return learned, losses.reshape(-1)
