"""Test episodes with a learner's answers, to look at."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import EpisodeLearner
from metabench.errors import UserError
from metabench.results.looks import EPISODES, Look, look
from metabench.seeds import pinned, root_key
from metabench.tasks.kinds import sample_tasks
from metabench.tracks.fewshot.plan import Plan
from metabench.types import Episode, PyTree

WAY = 30  # classes, at most: more have no room


def can_be_looked_at(plan: Plan) -> bool:
    """Whether `looked` shows the test of `plan`: episodes, and not too many classes."""
    return isinstance(plan.learner, EpisodeLearner) and plan.protocol.way <= WAY


def looked(plan: Plan, state: PyTree, episodes: int = EPISODES) -> list[Look]:
    """The first test episodes of `plan`, answered as in the test.

    Args:
      plan: of a run on episodes.
      state: that is tested.
      episodes: how many.

    Raises:
      UserError: the protocol is of streams, or has too many classes to be shown.
    """
    learner, key = plan.learner, root_key(plan.protocol.seed)
    if not isinstance(learner, EpisodeLearner):
        raise UserError("`looks` show k-shot episodes; leave them out of the online protocol")
    answer = jax.jit(partial(_answers, learner))
    found = []
    for number in range(episodes):
        with pinned(), jax.default_matmul_precision("float32"):
            one = sample_tasks(key, jnp.arange(number, number + 1), plan.tables["test"], plan.shape)
            episode = jax.tree.map(lambda leaf: leaf[0], one)
            own = jax.random.fold_in(jax.random.fold_in(key, 2**31), number)
            answers = answer(state, episode, own)
        images = np.asarray(episode.support_x), np.asarray(episode.query_x)
        labels = np.asarray(episode.support_y), np.asarray(episode.query_y)
        support, queries = zip(images, labels, strict=True)
        found.append(look(number, support, queries, np.asarray(answers)))
    return found


def _answers(learner: EpisodeLearner, state: PyTree, episode: Episode, key: jax.Array) -> jax.Array:
    task = learner.adapt(state, episode.support_x, episode.support_y, key)
    return learner.predict(task, episode.query_x).argmax(-1)
