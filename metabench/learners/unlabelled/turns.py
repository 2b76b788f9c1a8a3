"""Training of a critic and of the others in turns, as Wasserstein GANs are (`adversary.py`).

The critic takes several steps, each on a batch of its own, then the others take one, on the last of
these batches. The optimizer's state is one for each network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import Metrics
from metabench.learners.unlabelled.adversary import Adversary
from metabench.learners.unlabelled.base import Descent, Loss, Players, State, together
from metabench.nets.coder import joined
from metabench.nets.functional import Functional
from metabench.types import PyTree

CRITIC = "discriminator"  # its name among the networks
Slope: TypeAlias = tuple[dict[str, PyTree], tuple[Metrics, dict[str, PyTree]]]
"""Gradients by network, then metrics and statistics."""


def descent(
    adversary: Adversary,
    nets: Mapping[str, Functional],
    loss: Loss,
    optimizer: optax.GradientTransformation,
) -> Descent:
    """How networks are trained with this adversary: in turns, or together with `gan`."""
    if adversary.objective == "gan":
        return together(nets, loss, optimizer)

    def slope(state: State, mine: bool, x: jax.Array, key: jax.Array) -> Slope:
        return _slope(nets, loss, state, mine, x, key)

    def moved(state: State, grads: dict[str, PyTree], stats: dict[str, PyTree]) -> State:
        return _moved(optimizer, state, grads, stats)

    def criticised(state: State, drawn: tuple[jax.Array, jax.Array]) -> tuple[State, jax.Array]:
        grads, (metrics, stats) = slope(state, True, *drawn)
        state = moved(state, grads, stats)
        if adversary.objective == "wgan":
            clipped = jax.tree.map(
                lambda weights: jnp.clip(weights, -adversary.clip, adversary.clip),
                state.params[CRITIC],
            )
            state = state._replace(params=state.params | {CRITIC: clipped})
        return state, metrics["loss"]

    def step(state: State, batch: jax.Array, key: jax.Array) -> tuple[State, Metrics]:
        turns = adversary.critic_steps
        images = joined(batch)
        parts = images.reshape(turns, -1, *images.shape[1:])
        keys = jax.random.split(key, turns + 1)
        state, losses = jax.lax.scan(criticised, state, (parts, keys[:turns]))
        grads, (metrics, stats) = slope(state, False, parts[-1], keys[turns])
        return moved(state, grads, stats), {**metrics, "loss": losses[-1]}

    def init(params: dict[str, PyTree]) -> PyTree:
        return {name: optimizer.init(one) for name, one in params.items()}

    return Descent(init, step, turns=adversary.critic_steps)


def _slope(
    nets: Mapping[str, Functional],
    loss: Loss,
    state: State,
    mine: bool,
    x: jax.Array,
    key: jax.Array,
) -> Slope:
    """The gradient for the critic, or for all others."""
    chosen = {name: one for name, one in state.params.items() if (name == CRITIC) == mine}

    def total(params: dict[str, PyTree]) -> tuple[jax.Array, tuple[Metrics, dict[str, PyTree]]]:
        play = Players(nets, state.params | params, state.stats)
        value, metrics = loss(play, x, key)
        return value, (metrics, play.stats)

    return jax.grad(total, has_aux=True)(chosen)


def _moved(
    optimizer: optax.GradientTransformation,
    state: State,
    grads: dict[str, PyTree],
    stats: dict[str, PyTree],
) -> State:
    """`state` after one update of those networks that have a gradient."""
    params, moments = dict(state.params), dict(state.optimizer)
    for name, gradient in grads.items():
        update, moments[name] = optimizer.update(gradient, moments[name], params[name])
        params[name] = optax.apply_updates(params[name], update)
    return State(params, stats, moments)
