"""Episodes of meta-training as one compiled program: instances, truncations, Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.lstm import unrolled
from metabench.learned_optimizers.lstm.coordinatewise import Kinds, first_weights
from metabench.learned_optimizers.lstm.truncation import Rule, truncation
from metabench.types import PyTree


class Sizes(NamedTuple):
    """Sizes of an episode."""

    instances: int  # side by side
    horizon: int  # steps of the optimizer
    truncation: int  # steps that a gradient goes back through


class Learned(NamedTuple):
    """The state of meta-training."""

    weights: Kinds
    adam: PyTree


MetaStep: TypeAlias = Callable[[Learned, PyTree, jax.Array, jax.Array], tuple[Learned, jax.Array]]


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


def make_meta_step(
    optimizee: Optimizee, rule: Rule, meta_optimizer: optax.GradientTransformation, sizes: Sizes
) -> MetaStep:
    """`step(learned, data, key, number) -> (learned, mean losses [horizon])`: one episode.

    It is number `number` of the stream `key`. Instances run for the horizon; after each truncation
    the weights move, and what follows goes on with the new ones.
    """

    def moved(learned: Learned, gradient: Kinds) -> Learned:
        moves, adam = meta_optimizer.update(gradient, learned.adam, learned.weights)
        return Learned(optax.apply_updates(learned.weights, moves), adam)

    def step(
        learned: Learned, data: PyTree, key: jax.Array, number: jax.Array
    ) -> tuple[Learned, jax.Array]:
        rows = number * sizes.instances + jnp.arange(sizes.instances)
        batch = unrolled.Batch(optimizee, data, unrolled.draw(optimizee, key, rows))
        _, work = unrolled.begin(batch, rule.optimizer(learned.weights))
        choice = jax.random.fold_in(jax.random.fold_in(key, 2**31), number)

        def one(
            carry: tuple[Learned, unrolled.Work], first: jax.Array
        ) -> tuple[tuple[Learned, unrolled.Work], jax.Array]:
            learned, work = carry
            steps = first + 1 + jnp.arange(sizes.truncation)
            own = jax.random.fold_in(choice, first)
            found = truncation(batch, rule, learned.weights, work, steps, own)
            return (moved(learned, found.gradient), found.work), found.losses.mean(1)

        firsts = jnp.arange(0, sizes.horizon, sizes.truncation)
        (learned, _), losses = jax.lax.scan(one, (learned, work), firsts)
        return learned, losses.reshape(-1)

    return step
