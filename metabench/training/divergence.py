"""Whether a training ran off without ending in a loss that is no number."""

from __future__ import annotations

import math

from metabench.training.loop import Trained
from metabench.types import EpisodeShape, StreamShape, TaskShape, TrainShape

FAR = 30.0  # times the cross-entropy of guessing
HUGE = 1e6  # no other loss is as large: a likelihood of 84 x 84 x 3 pixels is near 15,000 nats


def guessing_loss(shape: TaskShape | TrainShape) -> float | None:
    """Cross-entropy in nats of who guesses in tasks of `shape`; None where there are no classes."""
    if isinstance(shape, EpisodeShape | StreamShape):
        return math.log(max(shape.way, 2))
    return None


def high_loss(trained: Trained, step: int, shape: TaskShape | TrainShape) -> float | None:
    """The loss before `step` where it is far above that of guessing, else None.

    It is the mean over the steps since the validation before. Who reports no accuracy in training
    may have another loss than a cross-entropy, such as a likelihood of pixels, so that only a
    huge one is told.

    Args:
      trained: the outcome of a training, or of none.
      step: after which the state was validated that is tested.
      shape: of the training tasks.
    """
    point = next((one for one in trained.history if one.step == step), None)
    if point is None:
        return None
    guessed = None if math.isnan(point.train_accuracy) else guessing_loss(shape)
    limit = HUGE if guessed is None else FAR * guessed
    return point.loss if point.loss > limit else None
