"""Memory-augmented network (Santoro, Bartunov, Botvinick, Wierstra & Lillicrap 2016).

A controller with an external memory, written to where it was used least: `nets/memory/mann.py`.
The paper's text has a usage decay of 0.99, the public code 0.95, which is the default here.
"""

from __future__ import annotations

from dataclasses import dataclass

from metabench.contracts.learner import Learner
from metabench.contracts.options import Chance, Count, Options, with_options
from metabench.errors import UserError
from metabench.learners.common.optimizer import WarmAdam, adam
from metabench.learners.recurrent.base import OPTIMIZER, Reading, recurrent_learner
from metabench.learners.recurrent.sequence_net import Lengths, SequenceNet, of_cell
from metabench.nets.memory.mann import Controller, Rule, Sizes, Start, Targets, Writes
from metabench.nets.memory.mann import mann as cell_of
from metabench.types import TaskShape


@dataclass(frozen=True)
class Memory(Options):
    """An external memory, and who uses it.

    Args:
      controller: `lstm` or `feedforward`.
      rows: of the memory.
      row_width: numbers in a row.
      heads: how many rows are read, and written, at a step; at most `rows`.
      start: where read weights and usage are before the first step: at the `first` row, as in
        both public codes, or `nowhere`.
    """

    controller: Controller = "lstm"
    rows: Count = 128
    row_width: Count = 40
    heads: Count = 4
    start: Start = "first"


@with_options
def mann(
    shape: TaskShape,
    *,
    width: Count = 200,
    memory: Memory = Memory(),
    usage_decay: Chance = 0.95,
    writes: Writes = "key",
    targets: Targets = "every",
    strength: bool = False,
    reading: Reading = Reading(),
    optimizer: WarmAdam = OPTIMIZER,
) -> Learner:
    """MANN: a controller with a memory that forgets what was used least recently.

    Args:
      shape: of the test: episodes, streams of images, or functions.
      width: units of the controller.
      memory: its size, and what uses it.
      usage_decay: γ.
      writes: what is written: `key`, with which it also reads (the paper), or `vector`, a
        separate vector (both public codes), which learns in a third of the steps.
      targets: which of the `heads` least used rows a head writes to: `every` one (the paper, and
        snowkylin/ntm), or its `own`, head i the i-th (tristandeleu/ntm-one-shot).
      strength: whether a row is read by its cosine times a learned strength. Without one, as in the
        paper, no row of 128 has more than 2.1 % where the others are orthogonal to the key.
      reading: of sequences, in training.
      optimizer: of the meta-training.

    Reference: https://proceedings.mlr.press/v48/santoro16.html
    """
    check_memory(memory)

    def network(inputs: int, lengths: Lengths) -> SequenceNet:
        del lengths
        sizes = sizes_of(memory, width, inputs)
        rule = Rule(usage_decay, writes, targets, strength)
        return of_cell(cell_of(sizes, rule), reading.segment)

    return recurrent_learner(network, adam(optimizer), shape, reading)


def check_memory(memory: Memory) -> None:
    """`UserError` on more heads than rows."""
    if memory.heads > memory.rows:
        raise UserError(
            f"`heads` is {memory.heads}; it must be from 1 to `rows`, which is {memory.rows}"
        )


def sizes_of(memory: Memory, width: int, inputs: int) -> Sizes:
    """Of a network with a controller of `width` units that reads `inputs` numbers."""
    return Sizes(
        inputs,
        width,
        memory.rows,
        memory.row_width,
        memory.heads,
        memory.controller,
        memory.start,
    )
