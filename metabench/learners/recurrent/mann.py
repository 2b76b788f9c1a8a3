"""Memory-augmented network (Santoro, Bartunov, Botvinick, Wierstra & Lillicrap 2016).

A controller with an external memory, written to where it was used least: `nets/memory/mann.py`.
The paper's text has a usage decay of 0.99, its public codes 0.95, which is the default here.
"""

from __future__ import annotations

from typing import get_args

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.recurrent.base import recurrent_learner
from metabench.learners.recurrent.sequence_net import Lengths, SequenceNet, of_cell
from metabench.nets.memory.mann import Controller, Sizes, Writes
from metabench.nets.memory.mann import mann as cell_of
from metabench.types import TaskShape


def mann(
    shape: TaskShape,
    *,
    controller: Controller = "lstm",
    width: int = 200,
    rows: int = 128,
    row_width: int = 40,
    heads: int = 4,
    usage_decay: float = 0.95,
    writes: Writes = "key",
    presentations: int | None = None,
    augment: bool = False,
    learning_rate: float = 3e-3,
    decay: Decay = "cosine",
    clip: float | None = 1.0,
    warmup: int = 200,
    segment: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """MANN: a controller with a memory that forgets what was used least recently.

    Args:
      shape: of the test: episodes, streams of images, or functions.
      controller: `lstm` or `feedforward`.
      width: units of the controller.
      rows: of the memory.
      row_width: numbers in a row.
      heads: how many rows are read, and written, at a step.
      usage_decay: γ, from 0 to 1.
      writes: what is written: `key`, the one that is read by (the paper), or `vector`, a
        vector of its own (both public codes), which learns in a third of the steps.
      presentations: of each class in a training stream; None for the test's, or in k-shot for
        one more than there are shots.
      augment: turn and shift the training images a little.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of a gradient.
      warmup: steps over which the rate first rises.
      segment: steps of a stream between the ones kept for the gradient; None keeps all.
      steps: length of meta-training, for the decay.

    Reference: https://proceedings.mlr.press/v48/santoro16.html
    """
    check_access(controller, rows, heads)
    if not 0 <= usage_decay <= 1:
        raise UserError(f"`usage_decay` is {usage_decay}; it must be from 0 to 1")
    if writes not in get_args(Writes):
        raise UserError(f"`writes` is {writes!r}; it must be one of: {', '.join(get_args(Writes))}")

    def network(inputs: int, lengths: Lengths) -> SequenceNet:
        del lengths
        sizes = Sizes(inputs, width, rows, row_width, heads, controller)
        return of_cell(cell_of(sizes, usage_decay, writes), segment)

    optimizer = adam(learning_rate, decay, steps, clip, warmup)
    return recurrent_learner(
        network, optimizer, shape, presentations=presentations, augment=augment
    )


def check_access(controller: str, rows: int, heads: int) -> None:
    """`UserError` on a controller that there is not, more heads than rows, or none."""
    if controller not in get_args(Controller):
        allowed = ", ".join(get_args(Controller))
        raise UserError(f"`controller` is {controller!r}; it must be one of: {allowed}")
    if not 1 <= heads <= rows:
        raise UserError(f"`heads` is {heads}; it must be from 1 to `rows`, which is {rows}")
