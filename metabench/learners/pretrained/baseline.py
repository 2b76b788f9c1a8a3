"""Baseline (Chen, Liu, Kira, Wang & Huang 2019): pretrain a classifier, then compare or fit.

Pretraining has a linear layer over all training classes. An episode takes the nearest class mean by
cosine, which is the "baseline classifier" of Vinyals et al. 2016, or fits a new linear layer to the
supports.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Count, with_options
from metabench.learners.common.linear import Weights
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.learners.pretrained.base import Baseline, Fitting, pretrained
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
    """A linear layer with equal logits for all classes; for class means [way, features]."""
    return Weights(jnp.zeros_like(means.T), jnp.zeros(means.shape[0]))


@with_options
def baseline(
    shape: EpisodeShape,
    *,
    options: Baseline = Baseline(),
    width: Count = 64,
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """A classifier of all training classes on Conv4, then nearest class means or a linear layer.

    Args:
      shape: of the test episodes.
      options: the training classes, and whether and how a linear layer is fitted to the supports.
      width: channels of each block of Conv4.
      episodes: of training, where they differ from the test's; only images and classes are used.
      optimizer: of the pretraining.

    Reference: https://arxiv.org/abs/1904.04232
    """
    features = conv4_features(shape.image, width)

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = Conv4(shape.image[2], width=width, rngs=rngs)
        return MetricNet(backbone, LinearClassifier(features, options.classes, rngs))

    layer = Fitting(nothing, Weights.logits, options.fit_steps, options.fit_rate)
    return pretrained(
        make,
        adam(optimizer),
        shape,
        train_shape=training_shape(shape, episodes),
        fitting=layer if options.finetune else None,
    )
