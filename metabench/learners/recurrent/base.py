"""A learner from a recurrent network, for whatever kind of task its shape tells; shared options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import optax

from metabench.contracts.learner import Learner
from metabench.contracts.options import AtLeast, Count, Options
from metabench.errors import UserError
from metabench.learners.common.optimizer import WarmAdam
from metabench.learners.recurrent.forecasting import function_learner
from metabench.learners.recurrent.images import image_learner
from metabench.learners.recurrent.sequence_net import Network
from metabench.types import FunctionShape, TaskShape

OPTIMIZER = WarmAdam(learning_rate=3e-3, clip=1.0, warmup=200)


@dataclass(frozen=True)
class Reading(Options):
    """How sequences are read in training.

    Args:
      presentations: of each class in a training stream; None for the test's, or in k-shot for
        one more than there are shots.
      augment: rotate and shift the training images a little; they stay as sharp as the test's
        (`nets/jitter.py`).
      segment: steps of a stream between the ones kept for the gradient; None keeps all.
    """

    presentations: Annotated[int, AtLeast(2)] | None = None
    augment: bool = False
    segment: Count | None = None


def recurrent_learner(
    network: Network,
    optimizer: optax.GradientTransformation,
    shape: TaskShape,
    reading: Reading,
) -> Learner:
    """The learner that `network` and `optimizer` make for tasks of `shape`.

    Args:
      network: of the learner's options.
      optimizer: of the meta-training.
      shape: of the test.
      reading: of the training; `network` sees to its `segment`.

    Raises:
      UserError: an option for images if functions are learned, or an impossible shape.
    """
    presentations, augment = reading.presentations, reading.augment
    if not isinstance(shape, FunctionShape):
        return image_learner(network, optimizer, shape, presentations, augment=augment)
    for name, value in (("presentations", presentations), ("augment", augment or None)):
        if value is not None:
            raise UserError(f"`{name}` is {value}, but functions have no images: leave it out")
    return function_learner(network, optimizer, shape)
