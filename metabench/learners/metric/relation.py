"""Relation Networks (Sung, Yang, Zhang, Xiang, Torr & Hospedales 2018).

Whether a query belongs to a class is not decided by a fixed distance: a small convolutional
network reads the map of the query and the sum of the maps of the class's supports, and returns
a relation score between 0 and 1. Training moves scores to 1 for the right class and to 0 for all
others by their squared error (equations 1 and 2). Logits are the scores before their sigmoid.

Our convolutions have a border of zeros; the authors' code has none in some layers, so that their
maps of a photograph are 19×19 and not 21×21.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Count, with_options
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.nets.conv4 import Norm, conv4_features
from metabench.nets.pairs import MapEmbedding, RelationModule
from metabench.types import EpisodeShape


class RelationHead(nnx.Module):
    """Sums of support maps, and the relation module."""

    def __init__(self, module: RelationModule) -> None:
        self.module = module

    def summarise(self, support: jax.Array, support_y: jax.Array, *, way: int) -> jax.Array:
        """[supports, h, w, width] to the sum of each class, [way, h, w, width].

        Where classes have unequal numbers of supports, each sum is scaled to the mean number.
        """
        member = jax.nn.one_hot(support_y, way, axis=0)
        share = (support.shape[0] / way) / member.sum(1, keepdims=True)  # 1 in even episodes
        return jnp.tensordot(member * share, support, 1)

    def score(self, sums: jax.Array, query: jax.Array, *, train: bool = False) -> jax.Array:
        """Logits [queries, way], whose sigmoid is the relation score."""
        return self.module(sums, query, train=train)


def relation_error(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Squared error of each query's relation scores, averaged over classes.

    Args:
      logits: of the scores, [queries, way].
      labels: [queries].

    Returns:
      [queries].
    """
    right = jax.nn.one_hot(labels, logits.shape[1])
    return jnp.square(jax.nn.sigmoid(logits) - right).mean(1)


@with_options
def relation(
    shape: EpisodeShape,
    *,
    units: Count = 8,
    width: Count = 64,
    norm: Norm = "running",
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(learning_rate=3e-3),
) -> EpisodeLearner:
    """Relation Networks.

    Args:
      shape: of the test episodes.
      units: of the relation module's layer (8 in the paper).
      width: channels of each block of the embedding and of the relation module.
      norm: statistics that normalise, those of pairs in the relation module; `batch` is
        transductive, and is used in the test by the authors' code.
      episodes: of training, where they differ from the test's.
      optimizer: of the meta-training (the paper's rate: 1e-3).

    Reference: https://arxiv.org/abs/1711.06025
    """
    # One pair in `way` belongs together, so scores begin near 1 / `way`.
    first = -math.log(max((episodes.train_way or shape.way) - 1, 1))
    features = conv4_features(shape.image, width)  # two poolings here and two there: as in Conv4

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = MapEmbedding(shape.image[2], width, norm, rngs)
        module = RelationModule(width, features, units, norm, rngs, first)
        return MetricNet(backbone, RelationHead(module))

    return metric_learner(
        make,
        adam(optimizer),
        shape,
        joint=norm == "batch",
        train_shape=training_shape(shape, episodes),
        error=relation_error,
    )
