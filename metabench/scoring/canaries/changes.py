"""Episodes changed so that the right answers are known: NumPy, one episode at a time.

Each function takes an episode of the test and what draws, and returns the changed episode with what
is needed to compare its answers with the usual ones. Keys and images are those of the test: what a
learner remembers of the test is then found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from metabench.types import Episode


class Changed(NamedTuple):
    """A changed episode: which usual query stands in each place, and the labels' new names."""

    episode: Episode
    queries: np.ndarray  # [queries]; of the usual episode
    names: np.ndarray  # [way]; the new name of each label


Change: TypeAlias = Callable[[Episode, np.random.RandomState], Changed]


def _of(episode: Episode, **changes: Any) -> Changed:
    queries, way = len(episode.query_y), len(episode.class_ids)
    return Changed(episode._replace(**changes), np.arange(queries), np.arange(way))


def shuffled_labels(episode: Episode, random: np.random.RandomState) -> Changed:
    """Support labels in random order; the images stay where they are."""
    return _of(episode, support_y=random.permutation(episode.support_y))


def blank_supports(episode: Episode, random: np.random.RandomState) -> Changed:
    """All support images are empty."""
    return _of(episode, support_x=np.zeros_like(episode.support_x))


def reordered_supports(episode: Episode, random: np.random.RandomState) -> Changed:
    """Supports in random order, each with its label."""
    order = random.permutation(len(episode.support_y))
    found = {"support_x": episode.support_x[order], "support_y": episode.support_y[order]}
    return _of(episode, **found)


def reordered_queries(episode: Episode, random: np.random.RandomState) -> Changed:
    """Queries in random order."""
    return _with_queries(episode, random.permutation(len(episode.query_y)))


def duplicated_queries(episode: Episode, random: np.random.RandomState) -> Changed:
    """Half of the queries, each of them twice."""
    number = len(episode.query_y)
    return _with_queries(episode, np.arange(number) % -(-number // 2))


def permuted_classes(episode: Episode, random: np.random.RandomState) -> Changed:
    """Labels with other names; supports are in the order of these, as in every episode."""
    names = random.permutation(len(episode.class_ids)).astype(np.int32)
    labels = names[episode.support_y]
    order = np.argsort(labels, kind="stable")
    found = _of(
        episode,
        support_x=episode.support_x[order],
        support_y=labels[order],
        query_y=names[episode.query_y],
        class_ids=episode.class_ids[np.argsort(names)],
    )
    return found._replace(names=names)


def same_image(episode: Episode, random: np.random.RandomState) -> Changed:
    """The queries are support images."""
    supports, queries = len(episode.support_y), len(episode.query_y)
    chosen = random.permutation(np.resize(random.permutation(supports), queries))
    found = {"query_x": episode.support_x[chosen], "query_y": episode.support_y[chosen]}
    return _of(episode, **found)


def _with_queries(episode: Episode, order: np.ndarray) -> Changed:
    found = _of(episode, query_x=episode.query_x[order], query_y=episode.query_y[order])
    return found._replace(queries=order)
