"""Prototypical Networks (Snell, Swersky & Zemel 2017).

A class is the mean of its support embeddings; logits are negative squared
Euclidean distances to these prototypes (equations 1 and 2).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import Learner
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.training_shape import training_shape
from metabench.nets.conv4 import Conv4, Norm, conv4_features
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


def protonet(
    shape: EpisodeShape,
    *,
    width: int = 64,
    norm: Norm = "running",
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    clip: float | None = None,
    train_way: int | None = None,
    train_shot: int | None = None,
    train_query: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """Prototypical Networks on Conv4.

    Args:
      shape: of the test episodes.
      width: channels of each block of Conv4.
      norm: statistics that normalise; `running` is the paper's code (batch statistics in
        training, running averages in the test), `batch` is transductive.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of a gradient.
      train_way: way of the training episodes (the paper: 60 for 1- and 5-shot Omniglot).
      train_shot: shots of the training episodes; None for the test's.
      train_query: queries per class of the training episodes; None for the test's.
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1703.05175
    """
    conv4_features(shape.image, width)

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = Conv4(shape.image[2], width=width, norm=norm, rngs=rngs)
        return MetricNet(backbone, PrototypeHead())

    return metric_learner(
        make,
        adam(learning_rate, decay, steps, clip),
        shape,
        joint=norm == "batch",
        train_shape=training_shape(shape, train_way, train_shot, train_query),
    )
