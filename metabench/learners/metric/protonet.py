"""Prototypical Networks (Snell, Swersky & Zemel 2017).

A class is the mean of its support embeddings; logits are negative squared
Euclidean distances to these prototypes (equations 1 and 2).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Count, with_options
from metabench.learners.common.backbone import AnyBackbone
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.nets.conv4 import Norm
from metabench.types import EpisodeShape


class PrototypeHead(nnx.Module):
    """Prototypes and negative squared distances. No parameters."""

    def summarise(self, support: jax.Array, support_y: jax.Array, *, way: int) -> jax.Array:
        """[supports, features] to the class means [way, features]."""
        member = jax.nn.one_hot(support_y, way, axis=0)
        return member @ support / member.sum(1, keepdims=True)

    def score(self, prototypes: jax.Array, query: jax.Array, *, train: bool = False) -> jax.Array:
        """[way, features] and [queries, features] to logits [queries, way]."""
        del train  # nothing is normalised here
        # |q - p|² = |q|² - 2 q·p + |p|²; the first term is the same for every class.
        return 2 * query @ prototypes.T - jnp.square(prototypes).sum(-1)[None]


@with_options
def protonet(
    shape: EpisodeShape,
    *,
    width: Count = 64,
    norm: Norm = "running",
    network: AnyBackbone = AnyBackbone(),
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """Prototypical Networks on Conv4.

    Args:
      shape: of the test episodes.
      width: channels of each block of Conv4.
      norm: statistics that normalise; `running` is the paper's code (batch statistics in
        training, running averages in the test), `batch` is transductive.
      network: what embeds images, where it is not Conv4.
      episodes: of training, where they differ from the test's (the paper: `train_way` of 60 for
        1- and 5-shot Omniglot).
      optimizer: of the meta-training.

    Reference: https://arxiv.org/abs/1703.05175
    """
    backbone = network.embedding(shape.image, width, norm)

    def make(rngs: nnx.Rngs) -> MetricNet:
        module = backbone.make(rngs)  # its first weights are drawn before those of the head
        return MetricNet(module, PrototypeHead(), backbone.passes)

    return metric_learner(
        make,
        adam(optimizer),
        shape,
        joint=backbone.transductive,
        train_shape=training_shape(shape, episodes),
    )
