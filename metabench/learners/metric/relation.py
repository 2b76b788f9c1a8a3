"""Relation Networks (Sung, Yang, Zhang, Xiang, Torr & Hospedales 2018).

How far a query belongs to a class is not a given distance but learned: a small convolutional
network looks at the query's map and the class's, which is the sum of its supports' maps, and yields
a relation score between 0 and 1. Scores are drawn towards 1 for the right class and 0 for all
others by their squared error (equations 1 and 2). Logits are the scores before their sigmoid.

Convolutions have a border of zeros here; the authors' code has none in some layers, so that their
maps of a photograph are 19×19 and not 21×21.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.training_shape import training_shape
from metabench.nets.conv4 import Norm, conv4_features
from metabench.nets.pairs import MapEmbedding, RelationModule
from metabench.types import EpisodeShape


class RelationHead(nnx.Module):
    """Sums of support maps, and the relation module."""

    def __init__(self, module: RelationModule) -> None:
        self.module = module

    def summarise(self, support: jax.Array, support_y: jax.Array, *, way: int) -> jax.Array:
        """[supports, h, w, width] to the sum of each class, [way, h, w, width]."""
        return jnp.tensordot(jax.nn.one_hot(support_y, way, axis=0), support, 1)

    def score(self, sums: jax.Array, query: jax.Array, *, train: bool = False) -> jax.Array:
        """Logits [queries, way], whose sigmoid is the relation score."""
        return self.module(sums, query, train=train)


def relation_error(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Squared error of each query's relation scores, its mean over classes.

    Args:
      logits: of the scores, [queries, way].
      labels: [queries].

    Returns:
      [queries].
    """
    right = jax.nn.one_hot(labels, logits.shape[1])
    return jnp.square(jax.nn.sigmoid(logits) - right).mean(1)


def relation(
    shape: EpisodeShape,
    *,
    units: int = 8,
    width: int = 64,
    norm: Norm = "running",
    learning_rate: float = 3e-3,
    decay: Decay = "cosine",
    clip: float | None = None,
    train_way: int | None = None,
    train_shot: int | None = None,
    train_query: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """Relation Networks.

    Args:
      shape: of the test episodes.
      units: of the relation module's layer (8 in the paper).
      width: channels of each block of the embedding and of the relation module.
      norm: statistics that normalise, those of pairs in the relation module; `batch` is
        transductive, and what the authors' code does in the test.
      learning_rate: of Adam (the paper: 1e-3).
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of a gradient.
      train_way: way of the training episodes; None for the test's.
      train_shot: shots of the training episodes; None for the test's.
      train_query: queries per class of the training episodes; None for the test's.
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1711.06025
    """
    if units < 1:
        raise UserError(f"`units` is {units}; it must be at least 1")
    # Where one pair in `way` belongs together, scores begin there: it is the first thing to learn.
    first = -math.log(max((train_way or shape.way) - 1, 1))
    features = conv4_features(shape.image, width)  # two poolings here and two there: as in Conv4

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = MapEmbedding(shape.image[2], width, norm, rngs)
        module = RelationModule(width, features, units, norm, rngs, first)
        return MetricNet(backbone, RelationHead(module))

    return metric_learner(
        make,
        adam(learning_rate, decay, steps, clip),
        shape,
        joint=norm == "batch",
        train_shape=training_shape(shape, train_way, train_shot, train_query),
        error=relation_error,
    )
