"""From right answers in each episode to a mean and its interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Summary(NamedTuple):
    """Accuracy over episodes, as fractions."""

    mean: float
    ci95: float  # half-width: 1.96 · standard deviation / sqrt(episodes)


def summarise(correct: np.ndarray, queries: int) -> Summary:
    """Mean accuracy and the half-width of its 95 % interval over episodes.

    Args:
      correct: answers in each episode, [episodes], or apart by presentation, [episodes, n].
      queries: how many there are in an episode.
    """
    counts = np.asarray(correct, np.float64)
    accuracy = counts.reshape(len(counts), -1).sum(1) / queries
    spread = accuracy.std(ddof=1) if accuracy.size > 1 else 0.0
    return Summary(float(accuracy.mean()), float(1.96 * spread / np.sqrt(accuracy.size)))


def presentations(correct: np.ndarray, way: int) -> list[Summary]:
    """Accuracy at the 1st, 2nd, … presentation, from counts [episodes, presentations]."""
    return [summarise(column, way) for column in np.asarray(correct).T]
