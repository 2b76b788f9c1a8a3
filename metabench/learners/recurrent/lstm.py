"""The LSTM, the baseline of Santoro et al. 2016, plain or with batch-normalised recurrence.

Batch norm is as in Cooijmans et al. 2017 (`nets/memory/normed_lstm.py`): every step has its own
statistics, in training those of the batch, in the test means over many training batches with the
weights that are tested.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from metabench.contracts.learner import Learner
from metabench.contracts.options import Count, with_options
from metabench.errors import UserError
from metabench.learners.common.optimizer import WarmAdam, adam
from metabench.learners.recurrent.base import OPTIMIZER, Reading, recurrent_learner
from metabench.learners.recurrent.sequence_net import Lengths, SequenceNet, of_cell
from metabench.nets.memory import normed_lstm
from metabench.nets.memory.lstm import Hidden, empty
from metabench.nets.memory.lstm import lstm as cell_of
from metabench.types import PyTree, TaskShape

Norm = Literal["none", "batch"]


@with_options
def lstm(
    shape: TaskShape,
    *,
    width: Count = 200,
    norm: Norm = "none",
    reading: Reading = Reading(),
    optimizer: WarmAdam = OPTIMIZER,
) -> Learner:
    """LSTM: one layer that reads images and labels in turn.

    Args:
      shape: of the test: episodes, streams of images, or functions.
      width: units.
      norm: `none`, or `batch` for batch-normalised recurrence.
      reading: of sequences, in training.
      optimizer: of the meta-training.

    Reference: https://proceedings.mlr.press/v48/santoro16.html
    """
    segment = reading.segment
    if norm == "batch" and segment is not None:
        raise UserError(f"`segment` is {segment}; with `norm` batch every step is kept: leave it")

    def network(inputs: int, lengths: Lengths) -> SequenceNet:
        if norm == "batch":
            return _normed(inputs, width, lengths.training)
        return of_cell(cell_of(inputs, width), segment)

    return recurrent_learner(network, adam(optimizer), shape, reading)


class _Place(NamedTuple):
    """The carry of a normalised LSTM: its state, and how many steps it has taken."""

    state: Hidden
    step: jax.Array  # int32 [batch]: equal entries


def _normed(inputs: int, width: int, steps: int) -> SequenceNet:
    """With statistics for `steps` steps; later steps use those of the last."""

    def init(key: jax.Array) -> tuple[PyTree, PyTree]:
        first = normed_lstm.first_statistics(steps, width)
        return normed_lstm.init(key, inputs, width), first

    def start(batch: int) -> _Place:
        return _Place(empty(batch, width), jnp.zeros(batch, jnp.int32))

    def run(
        params: PyTree, statistics: PyTree, carry: _Place, xs: jax.Array, train: bool
    ) -> tuple[PyTree, jax.Array, PyTree]:
        given, first = (None, 0) if train else (statistics, carry.step[0])
        state, hidden, _ = normed_lstm.run(params, xs, given, carry.state, first)
        return _Place(state, carry.step + xs.shape[0]), hidden, statistics

    def settle(params: PyTree, statistics: PyTree, xs: jax.Array, number: jax.Array) -> PyTree:
        _, _, seen = normed_lstm.run(params, xs)
        return normed_lstm.averaged(statistics, seen, number, xs.shape[1])

    return SequenceNet(init, start, run, width, settle)
