"""Baseline++ (Chen, Liu, Kira, Wang & Huang 2019): a classifier by cosine, then compare or fit.

A class is a vector; its logit is the cosine with an embedding, times a fixed scale (section 3.2).
This draws the embeddings of a class together. An episode takes the nearest class mean by cosine, or
fits vectors to the supports; these begin at the class means here and at random in the paper.
"""

from __future__ import annotations

from functools import partial

import jax
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Count, Rate, with_options
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.learners.pretrained.base import Baseline, Fitting, cosines, pretrained
from metabench.nets.conv4 import Conv4, conv4_features
from metabench.types import EpisodeShape


class CosineClassifier(nnx.Module):
    """A vector for each of all training classes."""

    def __init__(self, features: int, classes: int, scale: float, rngs: nnx.Rngs) -> None:
        initial = nnx.initializers.normal(0.05)  # short vectors change their direction faster
        self.vectors = nnx.Param(initial(rngs.params(), (classes, features)))
        self.scale = scale

    def outputs(self, features: jax.Array) -> jax.Array:
        """[n, features] to [n, classes]."""
        return scaled(self.scale, self.vectors[...], features)


def scaled(scale: float, vectors: jax.Array, features: jax.Array) -> jax.Array:
    """[classes, features] and [n, features] to logits [n, classes]."""
    return scale * cosines(vectors, features)


@with_options
def baseline_pp(
    shape: EpisodeShape,
    *,
    scale: Rate = 10.0,
    options: Baseline = Baseline(),
    width: Count = 64,
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """A cosine classifier of all training classes on Conv4, then nearest means or fitted vectors.

    Args:
      shape: of the test episodes.
      scale: factor of the cosines (the authors' code: 10 for characters).
      options: the training classes, and whether and how vectors are fitted to the supports.
      width: channels of each block of Conv4.
      episodes: of training, where they differ from the test's; only images and classes are used.
      optimizer: of the pretraining.

    Reference: https://arxiv.org/abs/1904.04232
    """
    features = conv4_features(shape.image, width)

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = Conv4(shape.image[2], width=width, rngs=rngs)
        return MetricNet(backbone, CosineClassifier(features, options.classes, scale, rngs))

    score = partial(scaled, scale)
    vectors = Fitting(lambda means: means, score, options.fit_steps, options.fit_rate)
    return pretrained(
        make,
        adam(optimizer),
        shape,
        train_shape=training_shape(shape, episodes),
        fitting=vectors if options.finetune else None,
    )
