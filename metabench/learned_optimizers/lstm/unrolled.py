"""Runs of optimizers on optimizees: several instances together, step after step.

An optimizer gets the parameters of all instances, with a leading axis for the instances. This is
correct for every optimizer with independent coordinates, and all instances share one product.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import optax

from metabench.compute.episodewise import over_episodes
from metabench.contracts.optimizee import Optimizee, instance_keys
from metabench.types import PyTree


class Instances(NamedTuple):
    """Problems with their first parameters; every leaf has a leading axis."""

    problems: PyTree
    params: PyTree
    noise: jax.Array  # keys of their minibatches, [instances]


class Batch(NamedTuple):
    """Instances side by side, and what they are instances of."""

    optimizee: Optimizee
    data: PyTree  # of the optimizee
    instances: Instances


class Work(NamedTuple):
    """Where the instances are after some steps."""

    params: PyTree
    gradients: PyTree  # at these parameters
    state: PyTree  # of the optimizer


def draw(optimizee: Optimizee, key: jax.Array, numbers: jax.Array) -> Instances:
    """Instances `numbers` [n] of the stream `key`."""

    def one(number: jax.Array) -> Instances:
        problem, first, noise = instance_keys(key, number)
        return Instances(optimizee.problem(problem), optimizee.init(first), noise)

    return jax.vmap(one)(numbers)


def at(batch: Batch, params: PyTree, step: jax.Array | int) -> tuple[jax.Array, PyTree]:
    """Losses [instances] and gradients at `params`, on the minibatches of `step`."""
    optimizee, data, instances = batch

    def one(
        data: PyTree, step: jax.Array | int, params: PyTree, problem: PyTree, noise: jax.Array
    ) -> tuple[jax.Array, PyTree]:
        key = jax.random.fold_in(noise, step)
        return jax.value_and_grad(optimizee.loss)(params, problem, data, key)

    mine = partial(one, data, step)
    spread = over_episodes(one, data, step) if optimizee.fills_cpu else jax.vmap(mine)
    return spread(params, instances.problems, instances.noise)


def begin(batch: Batch, optimizer: optax.GradientTransformation) -> tuple[jax.Array, Work]:
    """The losses before the first step, and the work at that point."""
    first = batch.instances.params
    losses, gradients = at(batch, first, 0)
    return losses, Work(first, gradients, optimizer.init(first))


def advance(
    batch: Batch, optimizer: optax.GradientTransformation, work: Work, step: jax.Array
) -> tuple[Work, jax.Array]:
    """Step number `step`, counted from 1: the new work, and the losses [instances] after it."""
    updates, state = optimizer.update(work.gradients, work.state, work.params)
    params = optax.apply_updates(work.params, updates)
    losses, gradients = at(batch, params, step)
    return Work(params, gradients, state), losses


def measured(batch: Batch, params: PyTree) -> jax.Array:
    """Losses [instances] without the noise of minibatches, one instance after another."""

    def one(both: tuple[PyTree, PyTree]) -> jax.Array:
        return batch.optimizee.measured(*both, batch.data)

    return jax.lax.map(one, (params, batch.instances.problems))
