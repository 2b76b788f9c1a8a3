"""What happens within `adapt`, over many test episodes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import EpisodeLearner, Learner
from metabench.errors import UserError
from metabench.seeds import root_key
from metabench.tasks.episodes import sample
from metabench.types import ClassTable, EpisodeShape, PyTree

EPISODES = 100


def check_traceable(name: str, learner: Learner) -> None:
    """Raise `UserError` if the learner has nothing to draw."""
    if not isinstance(learner, EpisodeLearner) or learner.trace is None:
        raise UserError(
            f"`plots` is given, but learner `{name}` tells nothing of its inner steps; leave it "
            "out, or take one that has a `trace`, such as meta_lstm"
        )


def traced(
    learner: EpisodeLearner,
    state: PyTree,
    table: ClassTable,
    shape: EpisodeShape,
    *,
    seed: int,
    episodes: int = EPISODES,
) -> dict[str, np.ndarray]:
    """Everything that `learner.trace` returns, by name: [episodes, inner steps, any number].

    Args:
      learner: with a `trace`.
      state: of the learner, trained.
      table: classes to draw from.
      shape: of the episodes.
      seed: of the stream of episodes.
      episodes: how many, from the first one.
    """
    trace = learner.trace
    assert trace is not None

    def one(index: jax.Array) -> dict[str, jax.Array]:
        episode = sample(root_key(seed), index, table, shape)
        key = jax.random.fold_in(root_key(seed), index)
        return trace(state, episode.support_x, episode.support_y, key)

    found = jax.jit(lambda indices: jax.lax.map(one, indices))(jnp.arange(episodes))
    return jax.tree.map(np.asarray, found)
