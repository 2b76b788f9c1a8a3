"""Matching Networks (Vinyals, Blundell, Lillicrap, Kavukcuoglu & Wierstra 2016).

A query's class probabilities are those of its nearest supports, weighted by a
softmax over similarities (equation 1 and section 2.1.1). Softmax over bare cosines
caps the true class's probability at 0.65 (5-way 1-shot), so cosines are divided by
a temperature.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Count, Rate, with_options
from metabench.learners.common.backbone import AnyBackbone
from metabench.learners.common.by_class import log_sum
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.nets.context import QueryContext, Start, SupportContext
from metabench.nets.conv4 import Norm
from metabench.types import EpisodeShape

Distance = Literal["cosine", "squared"]


class Supports(NamedTuple):
    """What the head keeps of a support set."""

    features: jax.Array  # [supports, features]
    labels: jax.Array  # one-hot [supports, way]


class AttentionHead(nnx.Module):
    """Attention over the supports, with full-context embeddings where `steps` > 0."""

    def __init__(
        self,
        features: int,
        distance: Distance,
        temperature: float,
        steps: int,
        rngs: nnx.Rngs,
        *,
        start: Start = "query",
    ) -> None:
        self.log_scale = nnx.Param(-jnp.log(jnp.float32(temperature)))
        self.distance = distance
        self.full_context = steps > 0
        if self.full_context:
            self.support_context = SupportContext(features, rngs)
            self.query_context = QueryContext(features, steps, rngs, start=start)

    def summarise(self, support: jax.Array, support_y: jax.Array, *, way: int) -> Supports:
        """[supports, features] to what queries are compared with."""
        features = self.support_context(support) if self.full_context else support
        return Supports(features, jax.nn.one_hot(support_y, way))

    def score(self, supports: Supports, query: jax.Array, *, train: bool = False) -> jax.Array:
        """Log probabilities [queries, way]: the attention on each class."""
        del train  # nothing is normalised here
        if self.full_context:
            query = self.query_context(query, supports.features)
        similarity = _similarity(query, supports.features, self.distance)
        attention = jax.nn.log_softmax(similarity * jnp.exp(self.log_scale[...]))
        return log_sum(attention, supports.labels)


def _similarity(query: jax.Array, support: jax.Array, distance: Distance) -> jax.Array:
    """[queries, supports]: cosines, or negative squared distances plus the query's square."""
    if distance == "squared":
        return 2 * query @ support.T - jnp.square(support).sum(-1)[None]
    unit = [
        x * jax.lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-8) for x in (query, support)
    ]
    return unit[0] @ unit[1].T


@with_options
def matching(
    shape: EpisodeShape,
    *,
    distance: Distance = "cosine",
    temperature: Rate | None = None,
    full_context: bool = False,
    context_steps: Count = 3,
    context_start: Start = "query",
    width: Count = 64,
    norm: Norm = "running",
    network: AnyBackbone = AnyBackbone(),
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """Matching Networks on Conv4.

    Args:
      shape: of the test episodes.
      distance: `cosine` as in the paper, or `squared` Euclidean.
      temperature: similarities are divided by it; this is its first value, as it is learned.
        None for 0.1 with cosines and 1 with squared distances.
      full_context: full-context embeddings, a bidirectional LSTM over the supports and
        an attention LSTM for the queries.
      context_steps: reads of the attention LSTM (3 in Ravi & Larochelle's rerun).
      context_start: what its first read goes by: the `query`, or nothing, so that it is the mean
        of the `supports`. The paper leaves it open, and public codes differ.
      width: channels of each block of Conv4.
      norm: statistics that normalise; `batch` is transductive.
      network: what embeds images, where it is not Conv4.
      episodes: of training, where they differ from the test's.
      optimizer: of the meta-training.

    Reference: https://arxiv.org/abs/1606.04080
    """
    if temperature is None:
        temperature = 0.1 if distance == "cosine" else 1.0
    backbone = network.embedding(shape.image, width, norm)
    features = backbone.features
    reads = context_steps if full_context else 0

    def make(rngs: nnx.Rngs) -> MetricNet:
        module = backbone.make(rngs)  # its first weights are drawn before those of the head
        head = AttentionHead(features, distance, temperature, reads, rngs, start=context_start)
        return MetricNet(module, head, backbone.passes)

    return metric_learner(
        make,
        adam(optimizer),
        shape,
        joint=backbone.transductive,
        train_shape=training_shape(shape, episodes),
    )
