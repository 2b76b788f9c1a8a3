"""The training loop for a single state: a group of one seed."""

from __future__ import annotations

from collections.abc import Callable

import jax

from metabench.training.checkpoints import Checkpoints
from metabench.training.lengths import Lengths
from metabench.training.loop import Chunk, Report, Trained, train_states
from metabench.types import PyTree


def train_state(
    state: PyTree,
    chunk: Callable[..., tuple[PyTree, dict[str, jax.Array]]],
    data: PyTree,
    validate: Callable[[PyTree], float],
    plan: Lengths,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Report], None] = lambda report: None,
    settle: Callable[[PyTree, PyTree, jax.Array], PyTree] | None = None,
) -> Trained:
    """The loop for one state: `train_states` of one seed.

    Args:
      state: before the first step.
      chunk: compiled: `run(state, data, seed's key, first step, length)`.
      data: an argument of `chunk`.
      validate: the measure of a state; higher is better.
      plan: lengths.
      seed: of everything random.
      checkpoints: where to save at each validation, and to continue from.
      progress: called after each chunk.
      settle: `settle(state, data, seed's key)`, applied before each validation. A step must not
        read what it changes, for the training goes on from there.

    Raises:
      UserError: the loss is no longer finite.
    """
    return train_states(
        (state,),
        alone(chunk),
        data,
        validate,
        plan,
        seeds=(seed,),
        checkpoints=(checkpoints,),
        progress=lambda seed, report: progress(report),
        settle=settle,
    )[0]


def alone(chunk: Callable[..., tuple[PyTree, dict[str, jax.Array]]]) -> Chunk:
    """A chunk of one state, as `train_states` takes it."""

    def of_one(
        states: tuple[PyTree, ...],
        data: PyTree,
        keys: tuple[jax.Array, ...],
        first: jax.Array,
        length: int,
    ) -> tuple[tuple[PyTree, ...], tuple[dict[str, jax.Array], ...]]:
        (state,), (key,) = states, keys
        state, metrics = chunk(state, data, key, first, length)
        return (state,), (metrics,)

    return of_one
