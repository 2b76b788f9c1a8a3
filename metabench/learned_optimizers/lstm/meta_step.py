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
    horizons: tuple[int, ...]  # numbers of steps of the optimizer, of which one is drawn
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
        kind: first_weights(jax.random.fold_in(key, number), units, layers, rule.p)
        for number, kind in enumerate(kinds)
    }
    return Learned(weights, meta_optimizer.init(weights))


def make_meta_step(
    optimizee: Optimizee, rule: Rule, meta_optimizer: optax.GradientTransformation, sizes: Sizes
) -> MetaStep:
    """`step(learned, data, key, number) -> (learned, mean loss)`: one episode.

    It is number `number` of the stream `key`. Its instances run for one of the horizons, drawn for
    the episode; after each truncation the weights move, and what follows goes on with the new ones.
    One program serves all horizons: it stops after as many truncations as were drawn.
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
            place: jax.Array | int, carry: tuple[Learned, unrolled.Work, jax.Array]
        ) -> tuple[Learned, unrolled.Work, jax.Array]:
            learned, work, total = carry
            first = place * sizes.truncation
            steps, own = first + 1 + jnp.arange(sizes.truncation), jax.random.fold_in(choice, first)
            work = _restarted(work, first, rule.reset_every)
            found = truncation(batch, rule, learned.weights, work, steps, own)
            return moved(learned, found.gradient), found.work, total + found.losses.mean()

        count = truncations(sizes, choice)
        learned, _, total = jax.lax.fori_loop(0, count, one, (learned, work, jnp.zeros(())))
        return learned, total / count

    return step


def truncations(sizes: Sizes, key: jax.Array) -> jax.Array | int:
    """How many truncations an episode has: those of one of the horizons, all equally likely."""
    counts = [horizon // sizes.truncation for horizon in sizes.horizons]
    if len(counts) == 1:
        return counts[0]
    return jax.random.choice(jax.random.fold_in(key, 2**31), jnp.array(counts))


def _restarted(work: unrolled.Work, first: jax.Array | int, every: int | None) -> unrolled.Work:
    """`work`, with a blank state if the LSTM's state begins anew after step `first`."""
    if every is None:
        return work
    over = jnp.asarray(first) % every == 0
    return work._replace(state=jax.tree.map(lambda leaf: jnp.where(over, 0, leaf), work.state))
