"""Siamese networks (Koch, Zemel & Salakhutdinov 2015).

Two images pass the same network, and a weighted L1 distance between their embeddings tells the
probability that they are of one class (section 3.1). Trained on pairs, as many of one class as of
two; a query takes the class of the support that is most probably of its own.

The embedding is Conv4 with a sigmoid layer above it, where the paper has a wider network for
images of 105×105. The paper also trains on affine distortions and penalises the squared weights
(sections 3.2 and 3.3); both are options here, and off by default.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import AtLeast, Chance, Count, Way, with_options
from metabench.learners.common.backbone import AnyBackbone
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.nets.conv4 import Norm
from metabench.nets.varied import varied
from metabench.types import EpisodeShape


class Supports(NamedTuple):
    """What the head keeps of a support set."""

    twins: jax.Array  # [supports, units]
    labels: jax.Array  # one-hot [supports, way]


class PairHead(nnx.Module):
    """A sigmoid layer, and one weight for each of its units."""

    def __init__(self, features: int, units: int, rngs: nnx.Rngs) -> None:
        self.layer = nnx.Linear(features, units, rngs=rngs)
        # Distant images are of two classes. For any number of units, logits begin near 0.
        self.weights = nnx.Param(jnp.full(units, -8.0 / units, jnp.float32))
        self.bias = nnx.Param(jnp.ones(()))

    def summarise(self, support: jax.Array, support_y: jax.Array, *, way: int) -> Supports:
        """[supports, features] to what queries are compared with."""
        return Supports(jax.nn.sigmoid(self.layer(support)), jax.nn.one_hot(support_y, way))

    def score(self, supports: Supports, query: jax.Array, *, train: bool = False) -> jax.Array:
        """Logits [queries, way]: that the query and the likeliest support of a class are a pair."""
        del train  # nothing is normalised here
        twins = jax.nn.sigmoid(self.layer(query))
        apart = jnp.abs(twins[:, None] - supports.twins[None])
        pair = apart @ self.weights[...] + self.bias[...]
        return jnp.where(supports.labels[None] > 0, pair[:, :, None], -jnp.inf).max(axis=1)


def pair_error(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy of each query's pairs; the pair of equal class weighs as much as all others.

    Args:
      logits: [queries, way], of being of one class.
      labels: [queries].

    Returns:
      [queries].
    """
    same = jax.nn.one_hot(labels, logits.shape[1])
    error = optax.sigmoid_binary_cross_entropy(logits, same)
    others = (error * (1 - same)).sum(1) / max(logits.shape[1] - 1, 1)
    return ((error * same).sum(1) + others) / 2


@with_options
def siamese(
    shape: EpisodeShape,
    *,
    units: Count = 256,
    width: Count = 64,
    norm: Norm = "running",
    network: AnyBackbone = AnyBackbone(),
    affine: Chance = 0.0,
    weight_decay: Annotated[float, AtLeast(0)] = 0.0,
    train_way: Way | None = None,
    train_query: Count | None = None,
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """Siamese networks on Conv4.

    A training episode has one support of each class: every query makes a pair with each of them.

    Args:
      shape: of the test episodes.
      units: of the sigmoid layer (4,096 in the paper).
      width: channels of each block of Conv4.
      norm: statistics that normalise; `batch` is transductive.
      network: what embeds images, where it is not Conv4.
      affine: probability of each part of an affine distortion of a training image (0.5 in the
        paper, which makes eight distorted copies of each pair beforehand); 0 for the images as
        they are.
      weight_decay: factor of the sum of all squared weights in the loss (one for each layer in the
        paper, chosen from 0 to 0.1).
      train_way: way of the training episodes; None for the test's.
      train_query: queries per class of the training episodes; None for the test's.
      optimizer: of the meta-training.

    Reference: https://www.cs.toronto.edu/~rsalakhu/papers/oneshot1.pdf
    """
    backbone = network.embedding(shape.image, width, norm)
    features = backbone.features

    def make(rngs: nnx.Rngs) -> MetricNet:
        module = backbone.make(rngs)  # its first weights are drawn before those of the head
        return MetricNet(module, PairHead(features, units, rngs), backbone.passes)

    descent = adam(optimizer)
    if weight_decay > 0:  # the gradient of the penalty, before Adam scales it
        descent = optax.chain(optax.add_decayed_weights(2 * weight_decay), descent)
    return metric_learner(
        make,
        descent,
        shape,
        joint=backbone.transductive,
        train_shape=training_shape(shape, TrainingEpisodes(train_way, 1, train_query)),
        error=pair_error,
        views=partial(varied, chance=affine) if affine > 0 else None,
    )
