"""Matching Networks (Vinyals, Blundell, Lillicrap, Kavukcuoglu & Wierstra 2016).

A query's class probabilities are those of its nearest supports, weighted by a
softmax over similarities (equation 1 and section 2.1.1). Softmax over bare cosines
caps the true class's probability at 0.65 (5-way 1-shot), so cosines are divided by
a temperature.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.common.metric import MetricNet, metric_learner
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.training_shape import training_shape
from metabench.nets.context import QueryContext, SupportContext
from metabench.nets.conv4 import Conv4, Norm, conv4_features
from metabench.types import EpisodeShape

Distance = Literal["cosine", "squared"]


class Supports(NamedTuple):
    """A support set as the head keeps it."""

    features: jax.Array  # [supports, features]
    labels: jax.Array  # one-hot [supports, way]


class AttentionHead(nnx.Module):
    """Attention over the supports, with full-context embeddings where `steps` > 0."""

    def __init__(
        self, features: int, distance: Distance, temperature: float, steps: int, rngs: nnx.Rngs
    ) -> None:
        self.log_scale = nnx.Param(-jnp.log(jnp.float32(temperature)))
        self.distance = distance
        self.full_context = steps > 0
        if self.full_context:
            self.support_context = SupportContext(features, rngs)
            self.query_context = QueryContext(features, steps, rngs)

    def summarise(self, support: jax.Array, support_y: jax.Array, *, way: int) -> Supports:
        """[supports, features] to what queries are compared with."""
        features = self.support_context(support) if self.full_context else support
        return Supports(features, jax.nn.one_hot(support_y, way))

    def score(self, supports: Supports, query: jax.Array, *, train: bool = False) -> jax.Array:
        """Log probabilities [queries, way]: the attention that falls on each class."""
        del train  # nothing is normalised here
        if self.full_context:
            query = self.query_context(query, supports.features)
        similarity = _similarity(query, supports.features, self.distance)
        attention = jax.nn.log_softmax(similarity * jnp.exp(self.log_scale[...]))
        return jax.nn.logsumexp(attention[:, :, None], axis=1, b=supports.labels[None])


def _similarity(query: jax.Array, support: jax.Array, distance: Distance) -> jax.Array:
    """[queries, supports]: cosines, or negative squared distances less the query's square."""
    if distance == "squared":
        return 2 * query @ support.T - jnp.square(support).sum(-1)[None]
    unit = [
        x * jax.lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-8) for x in (query, support)
    ]
    return unit[0] @ unit[1].T


def matching(
    shape: EpisodeShape,
    *,
    distance: Distance = "cosine",
    temperature: float | None = None,
    full_context: bool = False,
    context_steps: int = 3,
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
    """Matching Networks on Conv4.

    Args:
      shape: of the test episodes.
      distance: `cosine` as in the paper, or `squared` Euclidean.
      temperature: what similarities are divided by at the start; it is learned from there.
        None for 0.1 with cosines and 1 with squared distances.
      full_context: full-context embeddings, a bidirectional LSTM over the supports and
        an attention LSTM for the queries.
      context_steps: reads of the attention LSTM (3 in Ravi & Larochelle's rerun).
      width: channels of each block of Conv4.
      norm: statistics that normalise; `batch` is transductive.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of a gradient.
      train_way: way of the training episodes; None for the test's.
      train_shot: shots of the training episodes; None for the test's.
      train_query: queries per class of the training episodes; None for the test's.
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1606.04080
    """
    if distance not in get_args(Distance):
        allowed = ", ".join(get_args(Distance))
        raise UserError(f"`distance` is {distance!r}; it must be one of: {allowed}")
    if temperature is None:
        temperature = 0.1 if distance == "cosine" else 1.0
    if not temperature > 0:
        raise UserError(f"`temperature` is {temperature}; it must be positive")
    if full_context and context_steps < 1:
        raise UserError(f"`context_steps` is {context_steps}; it must be at least 1")
    features = conv4_features(shape.image, width)
    reads = context_steps if full_context else 0

    def make(rngs: nnx.Rngs) -> MetricNet:
        backbone = Conv4(shape.image[2], width=width, norm=norm, rngs=rngs)
        return MetricNet(backbone, AttentionHead(features, distance, temperature, reads, rngs))

    return metric_learner(
        make,
        adam(learning_rate, decay, steps, clip),
        shape,
        joint=norm == "batch",
        train_shape=training_shape(shape, train_way, train_shot, train_query),
    )
