"""Fast weights (Ba, Hinton, Mnih, Leibo & Ionescu 2016): `nets/memory/fast_weights.py`."""

from __future__ import annotations

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.recurrent.base import recurrent_learner
from metabench.learners.recurrent.sequence_net import Lengths, SequenceNet, of_cell
from metabench.nets.memory.fast_weights import FastSizes, Form
from metabench.nets.memory.fast_weights import fast_weights as cell_of
from metabench.types import TaskShape


def fast_weights(
    shape: TaskShape,
    *,
    width: int = 200,
    forget: float = 0.95,
    rate: float = 0.5,
    settle: int = 1,
    form: Form = "attention",
    remembered: int | None = None,
    presentations: int | None = None,
    augment: bool = False,
    learning_rate: float = 3e-3,
    decay: Decay = "cosine",
    clip: float | None = 1.0,
    warmup: int = 200,
    segment: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """Fast weights: a layer whose second matrix is written at every step, and fades.

    Args:
      shape: of the test: episodes, streams of images, or functions.
      width: units.
      forget: λ, what is left of the fast matrix after a step.
      rate: η, how fast it is written.
      settle: inner steps, S.
      form: `matrix` builds it, `attention` attends over past states; they agree to rounding.
      remembered: past states that `attention` keeps; None for all of a stream of the test.
      presentations: of each class in a training stream; None for the test's, or in k-shot for
        one more than there are shots.
      augment: turn and shift the training images a little.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of a gradient.
      warmup: steps over which the rate first rises.
      segment: steps of a stream between the ones kept for the gradient; None keeps all.
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1610.06258
    """
    if settle < 1:
        raise UserError(f"`settle` is {settle}; it must be at least 1")

    def network(inputs: int, lengths: Lengths) -> SequenceNet:
        kept = lengths.longest if remembered is None else remembered
        sizes = FastSizes(inputs, width, forget, rate, settle)
        return of_cell(cell_of(sizes, form, kept), segment)

    optimizer = adam(learning_rate, decay, steps, clip, warmup)
    return recurrent_learner(
        network, optimizer, shape, presentations=presentations, augment=augment
    )
