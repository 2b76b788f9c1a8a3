"""Options of training episodes that differ from the test's: more classes, other shots."""

from __future__ import annotations

from dataclasses import dataclass, replace

from metabench.contracts.options import Count, Options, Way
from metabench.types import EpisodeShape


@dataclass(frozen=True)
class SameWayEpisodes(Options):
    """Training episodes with the classes of the test's.

    Args:
      train_shot: shots of the training episodes; None for the test's.
      train_query: queries per class of the training episodes; None for the test's.
    """

    train_shot: Count | None = None
    train_query: Count | None = None


@dataclass(frozen=True)
class TrainingEpisodes(Options):
    """Training episodes of any shape.

    Args:
      train_way: classes of the training episodes; None for the test's.
      train_shot: shots of the training episodes; None for the test's.
      train_query: queries per class of the training episodes; None for the test's.
    """

    train_way: Way | None = None
    train_shot: Count | None = None
    train_query: Count | None = None


def training_shape(
    shape: EpisodeShape, episodes: TrainingEpisodes | SameWayEpisodes
) -> EpisodeShape | None:
    """`shape` with what `episodes` names replaced; None where that changes nothing."""
    changed = replace(
        shape,
        way=getattr(episodes, "train_way", None) or shape.way,
        shot=episodes.train_shot or shape.shot,
        query=episodes.train_query or shape.query,
    )
    return None if changed == shape else changed
