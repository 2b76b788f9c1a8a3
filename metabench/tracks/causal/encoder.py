"""Learning to turn two observed variables into cause and effect, from the speed of adaptation.

An encoder is one angle. In each episode the models of both hypotheses are trained on encoded
examples of the training distribution, then adapt to a transfer distribution; the regret moves the
angle and the structural parameter γ (Bengio et al. 2019, section 4).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from metabench.seeds import root_key
from metabench.tracks.causal.mixtures import conditional, fitted, log_density, new_network
from metabench.tracks.causal.plan import RotationPlan
from metabench.tracks.causal.rotation import FARTHEST, Curve, draw_curve, observe, turned
from metabench.tracks.causal.structure import regret
from metabench.types import PyTree

CHUNK = 20  # episodes in one compiled call


class Learned(NamedTuple):
    """After each episode."""

    angles: np.ndarray  # [seeds, episodes], radians
    beliefs: np.ndarray  # [seeds, episodes]: σ(γ), that the first encoded variable is the cause


class _State(NamedTuple):
    outer: tuple[jax.Array, jax.Array]  # the angle, γ
    moments: PyTree
    models: tuple[PyTree, PyTree]  # p(second | first), p(first | second)


def learn(plan: RotationPlan, advance: Callable[[int], None] = lambda done: None) -> Learned:
    """Angles and beliefs after each episode; they begin at 0 and 0.5.

    Args:
      plan: what is learned, and how.
      advance: called with the number of episodes that were just done.
    """
    optimizer = optax.adam(optax.cosine_decay_schedule(plan.meta_rate, plan.episodes))
    keys = jnp.stack([root_key(seed) for seed in plan.seeds])
    curves = jax.tree.map(lambda *all_: jnp.stack(all_), *map(draw_curve, plan.seeds))

    def begin(key: jax.Array) -> _State:
        outer = jnp.zeros(()), jnp.zeros(())
        first, second = jax.random.split(jax.random.fold_in(key, 2**31))
        new = partial(new_network, hidden=plan.hidden, components=plan.components)
        return _State(outer, optimizer.init(outer), (new(first), new(second)))

    def episode(
        curve: Curve, key: jax.Array, state: _State, number: jax.Array
    ) -> tuple[_State, tuple[jax.Array, jax.Array]]:
        one, two, three = jax.random.split(jax.random.fold_in(key, number), 3)
        models = _trained(plan, curve, one, state)
        means = jax.random.uniform(two, (plan.transfers,), minval=-FARTHEST, maxval=FARTHEST)
        draw = jax.vmap(lambda key, mean: observe(curve, key, plan.samples, mean))
        transfers = draw(jax.random.split(three, plan.transfers), means)
        slopes = jax.grad(_regrets, argnums=2)(plan, transfers, state.outer, models)
        updates, moments = optimizer.update(slopes, state.moments)
        outer = optax.apply_updates(state.outer, updates)
        return _State(outer, moments, models), (outer[0], jax.nn.sigmoid(outer[1]))

    def one(
        curve: Curve, key: jax.Array, state: _State, numbers: jax.Array
    ) -> tuple[_State, tuple[jax.Array, jax.Array]]:
        return jax.lax.scan(partial(episode, curve, key), state, numbers)

    chunk = jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None)))
    state, found = jax.jit(jax.vmap(begin))(keys), []
    for done in range(0, plan.episodes, CHUNK):
        numbers = jnp.arange(done, min(done + CHUNK, plan.episodes))
        state, told = chunk(curves, keys, state, numbers)
        found.append([np.asarray(values) for values in told])
        advance(len(numbers))
    angles, beliefs = zip(*found, strict=True)
    return Learned(np.concatenate(angles, 1), np.concatenate(beliefs, 1))


def _trained(plan: RotationPlan, curve: Curve, key: jax.Array, state: _State) -> PyTree:
    """Both models after steps of Adam on examples of the training distribution, each new."""
    descent = optax.adam(plan.rate)

    def step(both: tuple[PyTree, PyTree], key: jax.Array) -> tuple[tuple[PyTree, PyTree], None]:
        models, moments = both
        encoded = turned(observe(curve, key, plan.samples, 0.0), state.outer[0])
        slopes = jax.grad(lambda models: -sum(_conditionals(models, encoded)))(models)
        updates, moments = descent.update(slopes, moments)
        return (optax.apply_updates(models, updates), moments), None

    first = state.models, descent.init(state.models)
    return jax.lax.scan(step, first, jax.random.split(key, plan.train_steps))[0][0]


def _conditionals(models: PyTree, encoded: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean log p(second | first) and log p(first | second) of rows [n, 2]."""
    first, second = encoded[:, 0], encoded[:, 1]
    return (
        log_density(conditional(models[0], first), second).mean(),
        log_density(conditional(models[1], second), first).mean(),
    )


def _regrets(
    plan: RotationPlan, transfers: jax.Array, outer: tuple[jax.Array, jax.Array], models: PyTree
) -> jax.Array:
    """The mean over transfer distributions [transfers, samples, 2]."""
    return jax.vmap(lambda one: _regret(plan, one, outer, models))(transfers).mean()


def _regret(
    plan: RotationPlan, transfer: jax.Array, outer: tuple[jax.Array, jax.Array], models: PyTree
) -> jax.Array:
    """In nats per example: the mean over the steps of adaptation, with marginals fitted to it.

    As in the authors' code, parameters are constants for the angle: it moves the examples only.
    """
    angle, gamma = outer
    encoded = turned(transfer, angle)
    still, descent = jax.lax.stop_gradient(encoded), optax.adam(plan.adapt_rate)

    def step(both: tuple[PyTree, PyTree], nothing: None) -> PyTree:
        models, moments = both
        scores = jnp.stack(_conditionals(models, encoded))
        slopes = jax.grad(lambda models: -sum(_conditionals(models, still)))(models)
        updates, moments = descent.update(slopes, moments)
        return (optax.apply_updates(models, updates), moments), scores

    _, scores = jax.lax.scan(step, (models, descent.init(models)), None, plan.adapt_steps)
    marginals = [
        log_density(fitted(still[:, side], plan.components, plan.em), encoded[:, side]).mean()
        for side in (0, 1)
    ]
    forward, backward = scores.mean(0)
    return regret(gamma, forward + marginals[0], backward + marginals[1])
