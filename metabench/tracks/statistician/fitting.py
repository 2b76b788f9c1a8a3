"""Training a Neural Statistician on sets that are drawn inside jit. No pictures, no I/O."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from metabench.errors import UserError
from metabench.nets.functional import Functional
from metabench.nets.statistician.statistic import membership
from metabench.seeds import root_key
from metabench.types import PyTree

RATE, CLIP, CHUNK = 1e-3, 1.0, 50


def fit(
    net: Functional,
    draw: Callable[[jax.Array], jax.Array],
    steps: int,
    seed: int,
    progress: Callable[[int, float], None] = lambda step, loss: None,
    drop: bool = False,
) -> PyTree:
    """Parameters after `steps` steps of Adam that maximise the bound, without batch statistics.

    Args:
      net: a `Statistician` as pure functions.
      draw: a key to sets [sets, members, size], new ones at every step.
      steps: how many.
      seed: of everything random.
      progress: called with the step, and the negative bound per member in nats.
      drop: infer contexts from a part of the members, in each set another share of them, so
        that contexts of few members occur too ("sample dropout", section 4.3).

    Raises:
      UserError: fewer than one step.
    """
    if steps < 1:
        raise UserError(f"`steps` is {steps}; it must be at least 1")
    key, schedule = root_key(seed), optax.cosine_decay_schedule(RATE, steps)
    # The first losses may be 10^7 nats; without a limit they would spoil the moments of Adam.
    optimizer = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(schedule))
    params, stats = jax.jit(net.init)(key)
    state, done = (params, optimizer.init(params)), 0

    def loss(params: PyTree, x: jax.Array, key: jax.Array) -> jax.Array:
        sets, members = x.shape[:2]
        if drop:
            stay = some(jax.random.fold_in(key, 1), sets, members)
        else:
            stay = jnp.ones((sets, members))
        terms, _ = net.apply(params, stats, "bound", x, membership(stay), key, train=True)
        return -terms.elbo().mean() / x.shape[1]

    def step(state: PyTree, number: jax.Array) -> tuple[PyTree, jax.Array]:
        params, moments = state
        one, other = jax.random.split(jax.random.fold_in(key, number))
        value, grads = jax.value_and_grad(loss)(params, draw(one), other)
        updates, moments = optimizer.update(grads, moments, params)
        return (optax.apply_updates(params, updates), moments), value

    run = jax.jit(lambda state, numbers: jax.lax.scan(step, state, numbers))
    while done < steps:
        until = min(done + CHUNK, steps)
        state, losses = run(state, jnp.arange(done, until))
        done = until
        progress(done, float(losses.mean()))
    return state[0]


def some(key: jax.Array, sets: int, members: int) -> jax.Array:
    """Which members stay, [sets, members] of 0 and 1: a share of each set, drawn from U(0, 1)."""
    share_key, stay_key = jax.random.split(key)
    share = jax.random.uniform(share_key, (sets, 1))
    stay = jax.random.uniform(stay_key, (sets, members)) < share
    return stay.at[:, 0].set(True).astype(jnp.float32)
