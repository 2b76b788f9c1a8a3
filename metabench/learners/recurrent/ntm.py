"""Neural Turing machine (Graves, Wayne & Danihelka 2014), as Santoro et al. 2016 compare with it.

It writes by Graves' addressing: content, interpolation, shift, sharpening. It reads by content,
with a learned strength. Without that strength (`strength=false`), and beside `mann` with
`writes=vector`, nothing but the writing differs.
"""

from __future__ import annotations

from metabench.contracts.learner import Learner
from metabench.contracts.options import Count, with_options
from metabench.learners.common.optimizer import WarmAdam, adam
from metabench.learners.recurrent.base import OPTIMIZER, Reading, recurrent_learner
from metabench.learners.recurrent.mann import Memory, check_memory, sizes_of
from metabench.learners.recurrent.sequence_net import Lengths, SequenceNet, of_cell
from metabench.nets.memory.mann import ntm as cell_of
from metabench.types import TaskShape


@with_options
def ntm(
    shape: TaskShape,
    *,
    width: Count = 200,
    memory: Memory = Memory(),
    strength: bool = True,
    reading: Reading = Reading(),
    optimizer: WarmAdam = OPTIMIZER,
) -> Learner:
    """NTM: a controller with a memory that is written by content and location.

    Args:
      shape: of the test: episodes, streams of images, or functions.
      width: units of the controller.
      memory: its size, and what uses it.
      strength: whether a row is read by its cosine times a learned strength (Graves' equation 5).
      reading: of sequences, in training.
      optimizer: of the meta-training.

    Reference: https://arxiv.org/abs/1410.5401
    """
    check_memory(memory)

    def network(inputs: int, lengths: Lengths) -> SequenceNet:
        del lengths
        return of_cell(cell_of(sizes_of(memory, width, inputs), strength), reading.segment)

    return recurrent_learner(network, adam(optimizer), shape, reading)
