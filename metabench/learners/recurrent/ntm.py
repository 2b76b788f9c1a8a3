"""Neural Turing machine (Graves, Wayne & Danihelka 2014), as Santoro et al. 2016 compare with it.

`mann` with Graves' addressing for writing: content, interpolation, shift, sharpening.
"""

from __future__ import annotations

from metabench.contracts.learner import Learner
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.recurrent.base import recurrent_learner
from metabench.learners.recurrent.mann import check_access
from metabench.learners.recurrent.sequence_net import Lengths, SequenceNet, of_cell
from metabench.nets.memory.mann import Controller, Sizes
from metabench.nets.memory.mann import ntm as cell_of
from metabench.types import TaskShape


def ntm(
    shape: TaskShape,
    *,
    controller: Controller = "lstm",
    width: int = 200,
    rows: int = 128,
    row_width: int = 40,
    heads: int = 4,
    presentations: int | None = None,
    augment: bool = False,
    learning_rate: float = 3e-3,
    decay: Decay = "cosine",
    clip: float | None = 1.0,
    warmup: int = 200,
    segment: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """NTM: a controller with a memory that is written by content and location.

    Args:
      shape: of the test: episodes, streams of images, or functions.
      controller: `lstm` or `feedforward`.
      width: units of the controller.
      rows: of the memory.
      row_width: numbers in a row.
      heads: how many reads, and writes, there are at a step.
      presentations: of each class in a training stream; None for the test's, or in k-shot for
        one more than there are shots.
      augment: turn and shift the training images a little.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of a gradient.
      warmup: steps over which the rate first rises.
      segment: steps of a stream between the ones kept for the gradient; None keeps all.
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1410.5401
    """
    check_access(controller, rows, heads)

    def network(inputs: int, lengths: Lengths) -> SequenceNet:
        del lengths
        return of_cell(cell_of(Sizes(inputs, width, rows, row_width, heads, controller)), segment)

    optimizer = adam(learning_rate, decay, steps, clip, warmup)
    return recurrent_learner(
        network, optimizer, shape, presentations=presentations, augment=augment
    )
