"""Almost No Inner Loop (Raghu, Raghu, Bengio & Vinyals 2020): MAML that adapts the head alone.

The embedding is meta-learned and stays as it is in an episode; only the linear layer above it
takes the inner steps (section 4). So the supports are embedded once, and a test episode's
embedding may be normalised by running averages, as in learners that compare embeddings.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.contracts.learner import Learner
from metabench.learners.common.inner_loop import check_inner, inner_loop
from metabench.learners.common.linear import Weights
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.training_shape import training_shape
from metabench.nets.conv4 import Conv4, Norm, conv4_features
from metabench.types import EpisodeShape


class InnerHead(nnx.Module):
    """The linear layer that the inner loop begins with."""

    def __init__(self, features: int, way: int, steps: int, rate: float, first_order: bool) -> None:
        self.matrix = nnx.Param(jnp.zeros((features, way)))  # no class is like another yet
        self.bias = nnx.Param(jnp.zeros(way))
        self.steps, self.rate, self.first_order = steps, rate, first_order

    def summarise(self, support: jax.Array, support_y: jax.Array, *, way: int) -> Weights:
        """[supports, features] to the layer after the inner loop."""
        del way  # the layer has so many outputs

        def loss(weights: Weights, number: jax.Array) -> jax.Array:
            del number  # every step sees all supports
            scores = weights.logits(support)
            return optax.softmax_cross_entropy_with_integer_labels(scores, support_y).mean()

        return inner_loop(
            loss,
            Weights(self.matrix[...], self.bias[...]),
            optax.sgd(self.rate),
            jnp.arange(self.steps),
            first_order=self.first_order,
        ).params

    def score(self, weights: Weights, query: jax.Array, *, train: bool = False) -> jax.Array:
        """Logits [queries, way]."""
        del train  # nothing is normalised here
        return weights.logits(query)


def anil(
    shape: EpisodeShape,
    *,
    inner_steps: int = 5,
    inner_rate: float = 0.5,
    first_order: bool = False,
    width: int = 64,
    norm: Norm = "running",
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    clip: float | None = None,
    train_shot: int | None = None,
    train_query: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """ANIL on Conv4.

    Args:
      shape: of the test episodes.
      inner_steps: gradient steps of the head on a support set, in training and test.
      inner_rate: of these steps.
      first_order: leave the second derivatives out. The embedding then learns from the queries
        and not from what it does to the head.
      width: channels of each block of Conv4.
      norm: statistics that normalise; `batch` is transductive.
      learning_rate: of Adam, the outer loop.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of an outer gradient.
      train_shot: shots of the training episodes; None for the test's.
      train_query: queries per class of the training episodes; None for the test's.
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1909.09157
    """
    check_inner(inner_steps, inner_rate)
    features = conv4_features(shape.image, width)

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = Conv4(shape.image[2], width=width, norm=norm, rngs=rngs)
        head = InnerHead(features, shape.way, inner_steps, inner_rate, first_order)
        return MetricNet(backbone, head)

    return metric_learner(
        make,
        adam(learning_rate, decay, steps, clip),
        shape,
        joint=norm == "batch",
        train_shape=training_shape(shape, None, train_shot, train_query),
    )
