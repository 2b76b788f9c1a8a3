"""Learning which of two discrete variables is the cause, from the speed of adaptation alone.

Each episode draws a transfer distribution and some examples of it, adapts the models of both
hypotheses from their fit to the training distribution, and takes one step of RMSprop on γ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from metabench.seeds import root_key
from metabench.tracks.causal.plan import DirectionPlan
from metabench.tracks.causal.structure import regret_gradient
from metabench.tracks.causal.tables import (
    Both,
    Pairs,
    adapt,
    descend,
    divergences,
    draw_pairs,
    factorised,
)
from metabench.tracks.causal.worlds import draw_training, draw_transfer
from metabench.types import PyTree

CHUNK = 50  # episodes in one compiled call
DECAY = 0.99  # of RMSprop's mean square


class Adaptation(NamedTuple):
    """KL(transfer ‖ model) in nats while both models adapt, means over transfer distributions."""

    examples: np.ndarray  # [steps + 1] that were seen
    forward: np.ndarray  # [seeds, steps + 1]
    backward: np.ndarray  # [seeds, steps + 1]


def learn(plan: DirectionPlan, advance: Callable[[int], None] = lambda done: None) -> np.ndarray:
    """σ(γ) after each episode, [seeds, episodes]; it begins at 0.5.

    Args:
      plan: what is learned, and how.
      advance: called with the number of episodes that were just done.
    """
    keys, joints = _worlds(plan)
    gammas = jnp.zeros(len(plan.seeds))
    state, chunk = (gammas, jax.vmap(_optimizer(plan).init)(gammas)), _episodes(_seedless(plan))
    found = []
    for numbers in _chunks(plan.episodes):
        state, beliefs = chunk(joints, keys, state, numbers)
        found.append(np.asarray(beliefs))
        advance(len(numbers))
    return np.concatenate(found, axis=1)


def _optimizer(plan: DirectionPlan) -> optax.GradientTransformation:
    return optax.rmsprop(plan.meta_rate, decay=DECAY, eps=1e-8, eps_in_sqrt=False)


def _seedless(plan: DirectionPlan) -> DirectionPlan:
    """What a compiled program depends on: it serves any seeds."""
    return replace(plan, seeds=(), episodes=0)


@cache
def _episodes(plan: DirectionPlan) -> Callable[..., tuple[PyTree, jax.Array]]:
    """Some episodes of each seed, compiled: states [seeds], and beliefs [seeds, episodes]."""

    def episode(
        joint: jax.Array, key: jax.Array, models: Both, state: PyTree, number: jax.Array
    ) -> tuple[PyTree, jax.Array]:
        gamma, moments = state
        one, other = jax.random.split(jax.random.fold_in(key, number))
        transfer = draw_transfer(one, joint, plan.change)
        pairs = draw_pairs(other, transfer, (plan.steps, plan.batch))
        slope = regret_gradient(gamma, *adapt(models, pairs, plan.rate))
        update, moments = _optimizer(plan).update(slope, moments)
        gamma = gamma + update
        return (gamma, moments), jax.nn.sigmoid(gamma)

    def one(
        joint: jax.Array, key: jax.Array, state: PyTree, numbers: jax.Array
    ) -> tuple[PyTree, jax.Array]:
        return jax.lax.scan(partial(episode, joint, key, factorised(joint)), state, numbers)

    return jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None)))


def measure(plan: DirectionPlan, advance: Callable[[int], None] = lambda done: None) -> Adaptation:
    """How far both models are from a transfer distribution while they adapt to it.

    Args:
      plan: its `curve_*` say how.
      advance: called with the number of transfer distributions that were just done.
    """
    keys, joints = _worlds(plan)
    # Numbers of episodes begin at 0; those of the curves must not be among them.
    sums: Sequence[np.ndarray] = (np.zeros(()), np.zeros(()))
    for number in range(plan.curve_transfers):
        found = _curves(_seedless(plan))(joints, keys, jnp.uint32(2**30 + number))
        sums = [total + np.asarray(new, np.float64) for total, new in zip(sums, found, strict=True)]
        advance(1)
    forward, backward = (total / plan.curve_transfers for total in sums)
    return Adaptation(np.arange(plan.curve_steps + 1) * plan.curve_batch, forward, backward)


@cache
def _curves(plan: DirectionPlan) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """KL(transfer ‖ model) of both models for one transfer distribution of each seed, compiled."""

    def one(joint: jax.Array, key: jax.Array, number: jax.Array) -> tuple[jax.Array, jax.Array]:
        first, second = jax.random.split(jax.random.fold_in(key, number))
        transfer = draw_transfer(first, joint, plan.change)
        pairs = draw_pairs(second, transfer, (plan.curve_steps, plan.curve_batch))

        def step(models: Both, pairs: Pairs) -> tuple[Both, jax.Array]:
            return descend(models, pairs, plan.curve_rate), divergences(transfer, models)

        models, found = jax.lax.scan(step, factorised(joint), pairs)
        whole = jnp.concatenate([found, divergences(transfer, models)[None]])
        return whole[:, 0], whole[:, 1]

    return jax.jit(jax.vmap(one, in_axes=(0, 0, None)))


def _worlds(plan: DirectionPlan) -> tuple[jax.Array, jax.Array]:
    """A key and a training distribution for each seed."""
    keys = jnp.stack([root_key(seed) for seed in plan.seeds])

    def world(key: jax.Array) -> jax.Array:
        return draw_training(jax.random.fold_in(key, 2**31), plan.categories, plan.change)

    return keys, jax.vmap(world)(keys)


def _chunks(total: int) -> list[jax.Array]:
    return [jnp.arange(done, min(done + CHUNK, total)) for done in range(0, total, CHUNK)]
