"""Almost No Inner Loop (Raghu, Raghu, Bengio & Vinyals 2020): MAML that adapts only the head.

The embedding is meta-learned and stays as it is in an episode; only the linear layer above it
takes the inner steps (section 4). So the supports are embedded once. Supports and queries are
normalised apart, as in MAML's code: what the head learns from never depends on the queries. Test
episodes may be normalised by running averages, as in learners that compare embeddings.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Count, with_options
from metabench.learners.common.backbone import AnyBackbone
from metabench.learners.common.inner_loop import DifferentiatedLoop, inner_loop
from metabench.learners.common.linear import Weights
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import SameWayEpisodes, training_shape
from metabench.nets.conv4 import Norm
from metabench.types import EpisodeShape


class InnerHead(nnx.Module):
    """The linear layer with which the inner loop begins."""

    def __init__(self, features: int, way: int, loop: DifferentiatedLoop) -> None:
        self.matrix = nnx.Param(jnp.zeros((features, way)))  # the first logits are equal
        self.bias = nnx.Param(jnp.zeros(way))
        self.loop = loop

    def summarise(self, support: jax.Array, support_y: jax.Array, *, way: int) -> Weights:
        """[supports, features] to the layer after the inner loop."""

        def loss(weights: Weights, number: jax.Array) -> jax.Array:
            del number  # every step sees all supports
            scores = weights.logits(support)
            wrong = optax.softmax_cross_entropy_with_integer_labels(scores, support_y)
            return self.loop.reduced(wrong.mean(), way)

        return inner_loop(
            loss,
            Weights(self.matrix[...], self.bias[...]),
            optax.sgd(self.loop.inner_rate),
            jnp.arange(self.loop.inner_steps),
            first_order=self.loop.first_order,
        ).params

    def score(self, weights: Weights, query: jax.Array, *, train: bool = False) -> jax.Array:
        """Logits [queries, way]."""
        del train  # nothing is normalised here
        return weights.logits(query)


@with_options
def anil(
    shape: EpisodeShape,
    *,
    loop: DifferentiatedLoop = DifferentiatedLoop(inner_rate=0.5),
    width: Count = 64,
    norm: Norm = "running",
    network: AnyBackbone = AnyBackbone(),
    episodes: SameWayEpisodes = SameWayEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """ANIL on Conv4.

    Args:
      shape: of the test episodes.
      loop: the inner loop of the head, in training and test. Without second derivatives the
        embedding learns from the queries, and not from its effect on the head.
      width: channels of each block of Conv4.
      norm: statistics that normalise; `batch` are the supports' own for the supports and the
        queries' own for the queries, which is transductive.
      network: what embeds images, where it is not Conv4.
      episodes: of training, where they differ from the test's.
      optimizer: of the outer loop.

    Reference: https://arxiv.org/abs/1909.09157
    """
    backbone = network.embedding(shape.image, width, norm)

    def make(rngs: nnx.Rngs) -> MetricNet:
        module = backbone.make(rngs)  # its first weights are drawn before those of the head
        return MetricNet(module, InnerHead(backbone.features, shape.way, loop), backbone.passes)

    return metric_learner(
        make,
        adam(optimizer),
        shape,
        joint=backbone.transductive,
        apart=True,
        train_shape=training_shape(shape, episodes),
    )
