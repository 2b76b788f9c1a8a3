"""Runs of an optimizer on many instances in one compiled call, the same for every optimizer.

Groups of instances are spread over the devices, which may be the cores of a CPU.

An instance (its problem, first parameters and minibatches) is folded from the stream's seed and its
number, so runs of two optimizers are paired, and the same optimizer gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from metabench.compute.devices import copied, in_use
from metabench.compute.episodewise import in_turn, shared
from metabench.contracts.optimizee import Optimizee, size_of
from metabench.learned_optimizers.lstm import unrolled
from metabench.seeds import root_key
from metabench.types import PyTree

TEST_SEED, TUNING_SEED = 2**30 + 1, 2**30 + 2  # of streams; no training has such a large seed
TOGETHER = 32_768  # coordinates that are computed together


class Runs(NamedTuple):
    """The outcome, one row for each instance."""

    losses: np.ndarray  # on the minibatch of each step, before the first one too: [n, steps + 1]
    measured: np.ndarray  # without this noise: before the first step and at each stop, [n, 1 + m]


def make_rollout(
    optimizee: Optimizee,
    make: Callable[[Any], optax.GradientTransformation],
    stops: Sequence[int],
    instances: int,
    seed: int,
    chosen: np.ndarray | None = None,
) -> Callable[[Any], Runs]:
    """`run(settings) -> Runs` of `make(settings)`: a learning rate, or an LSTM's weights.

    Args:
      optimizee: the task.
      make: the optimizer of some settings.
      stops: numbers of steps, increasing, after which losses are measured.
      instances: how many, from the first of the stream.
      seed: of the stream.
      chosen: numbers of these instances, [instances], instead of the first ones.
    """
    group = group_size(optimizee, instances)
    groups = -(-instances // group)
    devices = in_use()[:groups]
    groups += -groups % len(devices)  # the last ones are not used; a device would wait otherwise
    numbers = np.arange(groups * group)
    if chosen is not None:
        numbers[:instances] = chosen
    together = jnp.asarray(numbers, jnp.int32).reshape(-1, group)
    data = copied(optimizee.data, devices)

    @jax.jit
    def run(settings: Any, data: PyTree) -> tuple[jax.Array, jax.Array]:
        def one(settings: Any, data: PyTree, numbers: jax.Array) -> tuple[jax.Array, jax.Array]:
            return _group(optimizee, make(settings), stops, data, seed, numbers)

        # Both [groups, steps + 1 or stops + 1, group].
        losses, found = shared(in_turn, one, devices, settings, data)(together)
        return _rows(losses), _rows(found)

    def called(settings: Any) -> Runs:
        losses, found = run(copied(settings, devices), data)
        return Runs(np.asarray(losses)[:instances], np.asarray(found)[:instances])

    return called


def _group(
    optimizee: Optimizee,
    optimizer: optax.GradientTransformation,
    stops: Sequence[int],
    data: PyTree,
    seed: int,
    numbers: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Losses [steps + 1, group] and measured ones [stops + 1, group]."""
    instances = unrolled.draw(optimizee, root_key(seed), numbers)
    batch = unrolled.Batch(optimizee, data, instances)
    first, work = unrolled.begin(batch, optimizer)
    losses = [first[None]]
    found = [unrolled.measured(batch, work.params)]
    advance = partial(unrolled.advance, batch, optimizer)
    for start, stop in zip((0, *stops), stops, strict=False):
        work, more = jax.lax.scan(advance, work, start + 1 + jnp.arange(stop - start))
        losses.append(more)
        found.append(unrolled.measured(batch, work.params))
    return jnp.concatenate(losses), jnp.stack(found)


def _rows(found: jax.Array) -> jax.Array:
    """[groups, n, group] to [instances, n]."""
    return found.swapaxes(1, 2).reshape(-1, found.shape[1])


def group_size(optimizee: Optimizee, instances: int) -> int:
    """How many instances are computed together: as many as fit into the cache."""
    return max(1, min(instances, TOGETHER // size_of(optimizee)))
