"""Baseline++ (Chen, Liu, Kira, Wang & Huang 2019): a classifier by cosine, then compare or fit.

A class is a vector, and its logit the cosine with an embedding times a fixed scale (section 3.2),
which draws the embeddings of a class together. In an episode the nearest class mean by cosine, or
vectors fitted to the supports; those begin at the class means here, in the paper at random.
"""

from __future__ import annotations

from functools import partial

import jax
from flax import nnx

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.training_shape import training_shape
from metabench.learners.pretrained.base import Fitting, check_fitting, cosines, pretrained
from metabench.nets.conv4 import Conv4, conv4_features
from metabench.types import EpisodeShape


class CosineClassifier(nnx.Module):
    """A vector for each of all training classes."""

    def __init__(self, features: int, classes: int, scale: float, rngs: nnx.Rngs) -> None:
        initial = nnx.initializers.normal(0.05)  # short: their length decides how fast they turn
        self.vectors = nnx.Param(initial(rngs.params(), (classes, features)))
        self.scale = scale

    def outputs(self, features: jax.Array) -> jax.Array:
        """[n, features] to [n, classes]."""
        return scaled(self.scale, self.vectors[...], features)


def scaled(scale: float, vectors: jax.Array, features: jax.Array) -> jax.Array:
    """[classes, features] and [n, features] to logits [n, classes]."""
    return scale * cosines(vectors, features)


def baseline_pp(
    shape: EpisodeShape,
    *,
    scale: float = 10.0,
    classes: int = 10_000,
    finetune: bool = False,
    fit_steps: int = 100,
    fit_rate: float = 0.01,
    width: int = 64,
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    clip: float | None = None,
    train_way: int | None = None,
    train_shot: int | None = None,
    train_query: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """A cosine classifier of all training classes on Conv4, then nearest means or fitted vectors.

    Args:
      shape: of the test episodes.
      scale: what cosines are multiplied by (the authors' code: 10 for characters).
      classes: numbers that a global class id may have; a run tells it.
      finetune: fit a vector for each class to the supports, in place of the nearest class mean.
      fit_steps: of the fitting (100 in the paper's code), on all supports each.
      fit_rate: of its gradient descent with momentum.
      width: channels of each block of Conv4.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of a gradient.
      train_way: classes of a training batch; None for the test's.
      train_shot: images of each class in it, together with `train_query`; None for the test's.
      train_query: see `train_shot`; None for the test's.
      steps: length of pretraining, for the decay.

    Reference: https://arxiv.org/abs/1904.04232
    """
    check_fitting(classes, fit_steps, fit_rate)
    if not scale > 0:
        raise UserError(f"`scale` is {scale}; it must be positive")
    features = conv4_features(shape.image, width)

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = Conv4(shape.image[2], width=width, rngs=rngs)
        return MetricNet(backbone, CosineClassifier(features, classes, scale, rngs))

    vectors = Fitting(lambda means: means, partial(scaled, scale), fit_steps, fit_rate)
    return pretrained(
        make,
        adam(learning_rate, decay, steps, clip),
        shape,
        train_shape=training_shape(shape, train_way, train_shot, train_query),
        fitting=vectors if finetune else None,
    )
