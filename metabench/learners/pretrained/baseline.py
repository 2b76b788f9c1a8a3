"""Baseline (Chen, Liu, Kira, Wang & Huang 2019): pretrain a classifier, then fit a linear layer.

Pretraining has a linear layer over all training classes. An episode fits a new linear layer to the
supports, or takes the nearest class mean by cosine, which is the "baseline classifier" of Vinyals
et al. 2016.
"""

from __future__ import annotations

from typing import Annotated

import jax
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import UNSAID, Count, with_options
from metabench.learners.common.backbone import AnyBackbone, PlainNorm
from metabench.learners.common.linear import Weights
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.learners.pretrained.base import pretrained
from metabench.learners.pretrained.fitting import Fitting, Layer, uniform
from metabench.types import EpisodeShape


class LinearClassifier(nnx.Module):
    """A linear layer over all training classes."""

    def __init__(self, features: int, classes: int, rngs: nnx.Rngs) -> None:
        self.layer = nnx.Linear(features, classes, rngs=rngs)

    def outputs(self, features: jax.Array) -> jax.Array:
        """[n, features] to [n, classes]."""
        return self.layer(features)


def first_weights(key: jax.Array, features: int, way: int) -> Weights:
    """A linear layer with random weights and biases."""
    matrix_key, bias_key = jax.random.split(key)
    matrix = uniform(matrix_key, (features, way), features)
    return Weights(matrix, uniform(bias_key, (way,), features))


@with_options
def baseline(
    shape: EpisodeShape,
    *,
    classes: Count = 10_000,
    fitting: Fitting = Fitting(),
    width: Count = 64,
    norm: Annotated[PlainNorm, UNSAID] = "running",
    network: AnyBackbone = AnyBackbone(),
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """A classifier of all training classes on Conv4, then a linear layer or nearest class means.

    Args:
      shape: of the test episodes.
      classes: of the training; a run sets it.
      fitting: what an episode makes of its supports.
      width: channels of each block of Conv4.
      norm: statistics that normalise, those of the batch in training and their averages in the
        test, or those of each image.
      network: what embeds images, where it is not Conv4.
      episodes: of training, where they differ from the test's; only images and classes are used.
      optimizer: of the pretraining.

    Reference: https://arxiv.org/abs/1904.04232
    """
    backbone = network.embedding(shape.image, width, norm)
    features = backbone.features

    def make(rngs: nnx.Rngs) -> MetricNet:
        module = backbone.make(rngs)  # its first weights are drawn before those of the head
        return MetricNet(module, LinearClassifier(features, classes, rngs), backbone.passes)

    return pretrained(
        make,
        adam(optimizer),
        shape,
        train_shape=training_shape(shape, episodes),
        layer=Layer(first_weights, Weights.logits),
        fitting=fitting,
    )
