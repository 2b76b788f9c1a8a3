"""Baseline (Chen, Liu, Kira, Wang & Huang 2019): pretrain a classifier, then compare or fit.

A linear layer over all training classes; in an episode the nearest class mean by cosine, which is
the "baseline classifier" of Vinyals et al. 2016, or a new linear layer fitted to the supports.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import Learner
from metabench.learners.common.linear import Weights
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.training_shape import training_shape
from metabench.learners.pretrained.base import Fitting, check_fitting, pretrained
from metabench.nets.conv4 import Conv4, conv4_features
from metabench.types import EpisodeShape


class LinearClassifier(nnx.Module):
    """A linear layer over all training classes."""

    def __init__(self, features: int, classes: int, rngs: nnx.Rngs) -> None:
        self.layer = nnx.Linear(features, classes, rngs=rngs)

    def outputs(self, features: jax.Array) -> jax.Array:
        """[n, features] to [n, classes]."""
        return self.layer(features)


def nothing(means: jax.Array) -> Weights:
    """A linear layer that says the same to all; for class means [way, features]."""
    return Weights(jnp.zeros_like(means.T), jnp.zeros(means.shape[0]))


def baseline(
    shape: EpisodeShape,
    *,
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
    """A classifier of all training classes on Conv4, then nearest class means or a linear layer.

    Args:
      shape: of the test episodes.
      classes: numbers that a global class id may have; a run tells it.
      finetune: fit a linear layer to the supports, in place of the nearest class mean.
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
    features = conv4_features(shape.image, width)

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = Conv4(shape.image[2], width=width, rngs=rngs)
        return MetricNet(backbone, LinearClassifier(features, classes, rngs))

    return pretrained(
        make,
        adam(learning_rate, decay, steps, clip),
        shape,
        train_shape=training_shape(shape, train_way, train_shot, train_query),
        fitting=Fitting(nothing, Weights.logits, fit_steps, fit_rate) if finetune else None,
    )
