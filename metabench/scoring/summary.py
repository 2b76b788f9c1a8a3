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


def linearised(correct: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Accuracy of each stream at the 1st, 2nd, … presentation, for means and intervals.

    The mean over the streams is right answers over images of all streams together. Where streams
    differ in their number of images, that is a ratio of two means, and the values are what each
    stream adds to it to first order.

    Args:
      correct: right answers, [..., streams, presentations].
      shown: images, [streams, presentations].
    """
    images = np.asarray(shown, np.float64)
    usual = np.maximum(images.mean(0), 1e-9)
    mean = correct.mean(-2, keepdims=True) / usual
    return np.asarray(mean + (correct - mean * images) / usual)
