"""Fast weights (Ba, Hinton, Mnih, Leibo & Ionescu 2016): `nets/memory/fast_weights.py`."""

from __future__ import annotations

from metabench.contracts.learner import Learner
from metabench.contracts.options import Count, with_options
from metabench.learners.common.optimizer import WarmAdam, adam
from metabench.learners.recurrent.base import OPTIMIZER, Reading, recurrent_learner
from metabench.learners.recurrent.sequence_net import Lengths, SequenceNet, of_cell
from metabench.nets.memory.fast_weights import FastSizes, Form, Norms
from metabench.nets.memory.fast_weights import fast_weights as cell_of
from metabench.types import TaskShape


@with_options
def fast_weights(
    shape: TaskShape,
    *,
    width: Count = 200,
    forget: float = 0.95,
    rate: float = 0.5,
    settle: Count = 1,
    norms: Norms = "shared",
    form: Form = "attention",
    remembered: Count | None = None,
    reading: Reading = Reading(),
    optimizer: WarmAdam = OPTIMIZER,
) -> Learner:
    """Fast weights: a layer whose second matrix is written at every step, and fades.

    Args:
      shape: of the test: episodes, streams of images, or functions.
      width: units.
      forget: λ, the share of the fast matrix that is left after a step.
      rate: η, how fast it is written.
      settle: inner steps, S.
      norms: gain and bias of the layer norms, `shared` by the first and the inner steps, or
        `separate`. The paper does not say; a public code has separate ones.
      form: `matrix` builds it, `attention` attends over past states; they agree to rounding.
      remembered: past states that `attention` keeps; None for all of a stream of the test.
      reading: of sequences, in training.
      optimizer: of the meta-training.

    Reference: https://arxiv.org/abs/1610.06258
    """

    def network(inputs: int, lengths: Lengths) -> SequenceNet:
        kept = lengths.longest if remembered is None else remembered
        sizes = FastSizes(inputs, width, forget, rate, settle, norms)
        return of_cell(cell_of(sizes, form, kept), reading.segment)

    return recurrent_learner(network, adam(optimizer), shape, reading)
