"""From right answers in each episode to a mean and its interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Summary(NamedTuple):
    """Accuracy over episodes, as fractions."""

    mean: float
    ci95: float  # half-width of the 95 % interval


def summarise(correct: np.ndarray, queries: int) -> Summary:
    """Mean accuracy and the half-width of its 95 % interval over episodes.

    Args:
      correct: right answers in each episode, [episodes], or by presentation, [episodes, n].
      queries: how many queries an episode has.
    """
    counts = np.asarray(correct, np.float64)
    accuracy = counts.reshape(len(counts), -1).sum(1) / queries
    return Summary(float(accuracy.mean()), float(half_width(accuracy)))


def half_width(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """The half-width of the 95 % interval of the mean of `values` along `axis`; of one value 0."""
    number = values.shape[axis]
    spread = values.std(axis, ddof=min(1, number - 1))
    return np.asarray(1.96 * spread / np.sqrt(number))


def presentations(correct: np.ndarray, shown: int | np.ndarray) -> list[Summary]:
    """Accuracy at the 1st, 2nd, … presentation: right answers over images, in all streams together.

    Args:
      correct: right answers, [streams, presentations].
      shown: images, of the same shape, or as many everywhere. Where they differ, the interval is
        that of a ratio of two means (linearised).
    """
    counts = np.asarray(correct, np.float64)
    images = np.broadcast_to(np.asarray(shown, np.float64), counts.shape)
    usual = np.maximum(images.mean(0), 1e-9)
    mean = counts.mean(0) / usual
    width = half_width((counts - mean * images) / usual)
    return [Summary(float(m), float(w)) for m, w in zip(mean, width, strict=True)]
