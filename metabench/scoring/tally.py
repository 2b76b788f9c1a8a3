"""What is counted of the answers in one task, and what tells of a learner that answers nothing.

A query is answered with the class of the highest score. A score that is no number (NaN) is
neither high nor low, so such a query has no answer, and counts as wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.types import ImageTaskShape

BY_CHANCE = 1e-6  # answers that are alike with a smaller probability are told


class Tally(NamedTuple):
    """Counts of one task; of several along a leading axis."""

    correct: jax.Array  # int32 []; of a stream [columns], by presentation
    unanswered: jax.Array  # int32 []: queries with a score that is no number
    alike: jax.Array  # bool []: whether all queries got the same answer


def answered(scores: jax.Array) -> jax.Array:
    """Whether `scores` [..., outputs] are numbers: bool [...]."""
    return ~jnp.isnan(scores).any(-1)


def nan_episodes(tally: Tally) -> int:
    """In how many of the tasks of `tally` a query has no answer."""
    return int((np.asarray(tally.unanswered) > 0).sum())


def all_alike(tally: Tally, shape: ImageTaskShape) -> bool:
    """Whether each task's queries all got one answer, in so many tasks that it is no chance.

    Answers that are no numbers are another matter: they are not called alike.
    """
    tasks = len(tally.alike)
    chance = -tasks * (shape.queries - 1) * np.log(max(shape.way, 2))
    answered = nan_episodes(tally) < tasks
    return answered and bool(np.all(tally.alike)) and bool(chance < np.log(BY_CHANCE))


def tally_of(correct: jax.Array, answers: jax.Array, scores: jax.Array) -> Tally:
    """The counts of one task.

    Args:
      correct: right answers, as in `Tally`.
      answers: integers [queries, ...], each row the answer to one query.
      scores: float [queries, outputs], what the answers were taken from.
    """
    unanswered = (~answered(scores)).sum(dtype=jnp.int32)
    return Tally(correct, unanswered, (answers == answers[:1]).all())
