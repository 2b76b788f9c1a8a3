"""Optimizers at work on optimizees: several instances side by side, step after step.

An optimizer is handed the parameters of all instances with a leading axis for them. That is right
for every optimizer whose coordinates do not see one another, and it makes one product of all.
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


class Work(NamedTuple):
    """Where the instances are after some steps."""

    params: PyTree
    gradients: PyTree  # there
    state: PyTree  # of the optimizer


def draw(optimizee: Optimizee, key: jax.Array, numbers: jax.Array) -> Instances:
    """Instances `numbers` [n] of the stream `key`."""

    def one(number: jax.Array) -> Instances:
        problem, first, noise = instance_keys(key, number)
        return Instances(optimizee.problem(problem), optimizee.init(first), noise)

    return jax.vmap(one)(numbers)


def at(
    optimizee: Optimizee, data: PyTree, instances: Instances, params: PyTree, step: jax.Array | int
) -> tuple[jax.Array, PyTree]:
    """Losses [instances] and gradients at `params`, on the minibatches of `step`."""

    def one(
        data: PyTree, step: jax.Array | int, params: PyTree, problem: PyTree, noise: jax.Array
    ) -> tuple[jax.Array, PyTree]:
        key = jax.random.fold_in(noise, step)
        return jax.value_and_grad(optimizee.loss)(params, problem, data, key)

    mine = partial(one, data, step)
    spread = over_episodes(one, data, step) if optimizee.apart else jax.vmap(mine)
    return spread(params, instances.problems, instances.noise)


def begin(
    optimizee: Optimizee,
    optimizer: optax.GradientTransformation,
    data: PyTree,
    instances: Instances,
) -> tuple[jax.Array, Work]:
    """The losses before the first step, and where work begins."""
    losses, gradients = at(optimizee, data, instances, instances.params, 0)
    return losses, Work(instances.params, gradients, optimizer.init(instances.params))


def advance(
    optimizee: Optimizee,
    optimizer: optax.GradientTransformation,
    data: PyTree,
    instances: Instances,
    work: Work,
    step: jax.Array,
) -> tuple[Work, jax.Array]:
    """Step number `step`, from 1 on: the new work, and the losses [instances] there."""
    updates, state = optimizer.update(work.gradients, work.state, work.params)
    params = optax.apply_updates(work.params, updates)
    losses, gradients = at(optimizee, data, instances, params, step)
    return Work(params, gradients, state), losses


def measured(optimizee: Optimizee, data: PyTree, instances: Instances, params: PyTree) -> jax.Array:
    """Losses [instances] without the noise of minibatches, one instance after another."""

    def one(both: tuple[PyTree, PyTree]) -> jax.Array:
        return optimizee.measured(*both, data)

    return jax.lax.map(one, (params, instances.problems))
