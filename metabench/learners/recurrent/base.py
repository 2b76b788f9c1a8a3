"""A learner from a recurrent network, for whatever kind of task its shape tells."""

from __future__ import annotations

import optax

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.recurrent.forecasting import function_learner
from metabench.learners.recurrent.images import image_learner
from metabench.learners.recurrent.sequence_net import Network
from metabench.types import FunctionShape, TaskShape


def recurrent_learner(
    network: Network,
    optimizer: optax.GradientTransformation,
    shape: TaskShape,
    *,
    presentations: int | None = None,
    augment: bool = False,
) -> Learner:
    """The learner that `network` and `optimizer` make for tasks of `shape`.

    Args:
      network: of the learner's options.
      optimizer: of the meta-training.
      shape: of the test.
      presentations: of each class in a training stream of images.
      augment: turn and shift the training images.

    Raises:
      UserError: an option of images where functions are learned, or an impossible shape.
    """
    if not isinstance(shape, FunctionShape):
        return image_learner(network, optimizer, shape, presentations, augment=augment)
    for name, value in (("presentations", presentations), ("augment", augment or None)):
        if value is not None:
            raise UserError(f"`{name}` is {value}, but functions have no images: leave it out")
    return function_learner(network, optimizer, shape)
