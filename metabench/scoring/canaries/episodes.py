"""Canaries of N-way k-shot episodes. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metabench.compute.episodewise import over_episodes
from metabench.compute.in_cache import on_one_core
from metabench.contracts.learner import EpisodeLearner
from metabench.scoring.canaries import changes
from metabench.scoring.canaries.answering import Call, differ, random_of, seen_in_chunks
from metabench.scoring.canaries.canary import (
    Canary,
    Seen,
    at_chance,
    compared,
    recognised,
    skipped,
)
from metabench.seeds import root_key
from metabench.types import ClassTable, Episode, EpisodeShape, PyTree

CHANGES: Mapping[str, changes.Change] = {
    "shuffled labels": changes.shuffled_labels,
    "blank supports": changes.blank_supports,
    "reordered supports": changes.reordered_supports,
    "reordered queries": changes.reordered_queries,
    "duplicated queries": changes.duplicated_queries,
    "permuted classes": changes.permuted_classes,
    "same image": changes.same_image,
}
LEAKS = "the order of the supports, the random key, and what is remembered of the test classes"
OF_QUERIES = (
    "Queries must be answered alike in any order: do not read the place of a query in `predict`"
)
OF_OTHERS = (
    "The answer to a query depends on the other queries: declare `transductive=True`, or leave "
    "the other queries out"
)
OF_NAMES = (
    "The accuracy must not depend on which class has which label: look for what the learner knows "
    "of the test classes"
)


def episode_canaries(
    learner: EpisodeLearner,
    state: PyTree,
    table: ClassTable,
    shape: EpisodeShape,
    *,
    test_seed: int,
    episodes: int,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[Canary, ...]:
    """All canaries of a trained learner of episodes.

    Args:
      learner: what is examined.
      state: of the learner, trained.
      table: test classes.
      shape: of the episodes.
      test_seed: of the stream of test episodes.
      episodes: how many of them are taken, from the first on.
      seed: of what is shuffled.
      progress: called with the number of episodes done.
    """
    run = jax.jit(partial(_scores, learner))
    alone: Any = jax.jit(partial(_alone, learner))
    refused = _refusal(learner, state, table, shape)

    def measure(
        tasks: Episode, keys: jax.Array, indices: np.ndarray, call: Call
    ) -> dict[str, Seen]:
        usual = call(run, state, tasks, keys)
        found = {"usual": _seen(tasks, usual, usual)}
        for name, change in CHANGES.items():
            changed = _each(change, tasks, seed, indices)
            scores = call(run, state, changed.episode, keys)
            found[name] = _seen(changed.episode, scores, _as_changed(usual, changed))
        if refused is None:
            found["single query"] = _seen(tasks, call(alone, state, tasks, keys), usual)
        return found

    found = seen_in_chunks(measure, table, shape, seed=test_seed, tasks=episodes, progress=progress)
    return _judged(found, learner.transductive, 1 / shape.way, refused)


def _judged(
    seen: Mapping[str, Seen], transductive: bool, chance: float, refused: str | None
) -> tuple[Canary, ...]:
    usual, alone = seen["usual"], "single query"

    def of(name: str, cause: str, binding: bool, as_good: bool = False) -> Canary:
        found = seen[name]
        return compared(name, found, usual, cause=cause, binding=binding, as_good=as_good)

    bound = not transductive
    return (
        at_chance("shuffled labels", seen["shuffled labels"], chance, LEAKS),
        at_chance("blank supports", seen["blank supports"], chance, LEAKS),
        of("reordered supports", "", False),
        of("reordered queries", OF_QUERIES, bound, as_good=True),
        of(alone, OF_OTHERS, bound) if refused is None else skipped(alone, "unchanged", refused),
        of("duplicated queries", OF_OTHERS, bound),
        of("permuted classes", OF_NAMES, False, as_good=True),
        recognised("same image", seen["same image"]),
    )


def _scores(
    learner: EpisodeLearner, state: PyTree, episodes: Episode, keys: jax.Array
) -> jax.Array:
    """Scores of all queries of each episode: [episodes, queries, way]."""

    def one(state: PyTree, episode: Episode, key: jax.Array) -> jax.Array:
        task = learner.adapt(state, episode.support_x, episode.support_y, key)
        return learner.predict(task, episode.query_x)

    with on_one_core():
        found: jax.Array = over_episodes(one, state)(episodes, keys)
        return found


def _alone(learner: EpisodeLearner, state: PyTree, episodes: Episode, keys: jax.Array) -> jax.Array:
    """The same, where each query is asked by itself."""

    def one(state: PyTree, episode: Episode, key: jax.Array) -> jax.Array:
        task = learner.adapt(state, episode.support_x, episode.support_y, key)
        return jax.vmap(lambda query: learner.predict(task, query[None])[0])(episode.query_x)

    with on_one_core():
        found: jax.Array = over_episodes(one, state)(episodes, keys)
        return found


def _refusal(
    learner: EpisodeLearner, state: PyTree, table: ClassTable, shape: EpisodeShape
) -> str | None:
    """Why no query can be asked by itself; None where that is possible."""
    image = jax.ShapeDtypeStruct((1, *shape.image), table.images.dtype)
    supports = jax.ShapeDtypeStruct((shape.supports, *shape.image), table.images.dtype)
    labels = jax.ShapeDtypeStruct((shape.supports,), jnp.int32)

    def ask(state: PyTree, x: jax.Array, y: jax.Array, query: jax.Array) -> jax.Array:
        return learner.predict(learner.adapt(state, x, y, root_key(0)), query)

    try:
        jax.eval_shape(ask, state, supports, labels, image)
    except Exception as error:
        text = " ".join(str(error).split())
        return f"`predict` takes no single query ({type(error).__name__}: {text})"
    return None


def _each(
    change: changes.Change, tasks: Episode, seed: int, indices: np.ndarray
) -> changes.Changed:
    """`change` of every episode."""
    found = [
        change(Episode(*(leaf[at] for leaf in tasks)), random_of(seed, int(index)))
        for at, index in enumerate(indices)
    ]
    stacked: changes.Changed = jax.tree.map(lambda *leaves: np.stack(leaves), *found)
    return stacked


def _as_changed(usual: np.ndarray, changed: changes.Changed) -> np.ndarray:
    """The usual scores, in the order and under the names of the changed episodes."""
    queries = np.take_along_axis(usual, changed.queries[:, :, None], 1)
    before = np.argsort(changed.names, 1)  # the old name of each new one
    return np.take_along_axis(queries, before[:, None], 2)


def _seen(tasks: Episode, scores: np.ndarray, usual: np.ndarray) -> Seen:
    missing = np.isnan(scores).any(-1)
    right = (scores.argmax(-1) == tasks.query_y) & ~missing
    return Seen(right.mean(-1), differ(scores, usual).mean(-1), missing.any(-1))
