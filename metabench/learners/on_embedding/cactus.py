"""CACTUs: meta-learning without labels (Hsu, Levine & Finn 2019).

k-means clusters another learner's embedding of the unlabelled training images several times over.
The clusters are classes, and training episodes are drawn from them as from true ones (algorithm 1).
The learner that meta-trains on them is unchanged, and is tested as itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import jax

from metabench import registry
from metabench.contracts.learner import EpisodeLearner, Foundation, train_shape
from metabench.contracts.options import Count, with_options
from metabench.errors import UserError
from metabench.learners.on_embedding.base import Embedding, embedded, embedding_source
from metabench.learners.on_embedding.partitions import (
    KMeans,
    constructed,
    partitions_of,
    seed_of,
    whitened,
)
from metabench.optional import imported
from metabench.types import ClassTable, EpisodeShape, PyTree

Labels = Literal["constructed", "true"]


@with_options
def cactus(
    shape: EpisodeShape,
    *,
    base: str = "protonet",
    base_settings: dict[str, Any] | None = None,
    source: Embedding = Embedding("acai"),
    partitions: Count = 50,
    k_means: KMeans = KMeans(),
    components: Count | None = None,
    labels: Labels = "constructed",
    steps: Count = 10_000,
) -> EpisodeLearner:
    """Learner `base`, meta-trained on clusters of an embedding.

    Args:
      shape: of the test episodes.
      base: a learner that is meta-trained on episodes.
      base_settings: options of `base`.
      source: the learner whose embedding is clustered.
      partitions: how often the images are clustered.
      k_means: how they are clustered each time.
      components: principal components of the features, whitened and scaled to length 1, which are
        clustered in place of the features; None for the features as they are. The authors cluster
        256 components of DeepCluster's features, and other embeddings as they are.
      labels: `true` draws from the true classes, for comparison (the paper's "oracle").
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1810.02334
    """
    learner = _base(shape, base, base_settings or {}, steps)
    if labels == "true":
        return learner
    imported("sklearn.cluster")  # raises before anything is trained
    below = embedding_source(shape, source)
    met = train_shape(learner, shape)
    assert isinstance(met, EpisodeShape)

    def relabel(state: PyTree, images: jax.Array, key: jax.Array) -> ClassTable:
        features = embedded(below.learner, state, images)
        if components is not None:
            features = whitened(features, components)
        found = partitions_of(
            features, partitions, k_means.clusters, seed_of(key), k_means.algorithm
        )
        return constructed(images, found, met.shot + met.query, met.way)

    return learner._replace(foundation=Foundation(below, relabel=relabel))


def _base(
    shape: EpisodeShape, name: str, settings: Mapping[str, Any], steps: int
) -> EpisodeLearner:
    """The learner that is trained on the clusters."""
    options = registry.options(name)
    if "embedding" in options or "classes" in options:
        raise UserError(
            f"`base` is {name!r}, which is not meta-trained on episodes alone; take one that is, "
            "such as protonet, matching or maml"
        )
    known = {"steps": steps} if "steps" in options else {}
    if registry.takes(name, EpisodeShape):
        learner = registry.build_learner(name, shape, {**known, **settings})
        if learner.training is not None and isinstance(train_shape(learner, shape), EpisodeShape):
            return learner
    raise UserError(
        f"`base` is {name!r}, which is not meta-trained on episodes; take one that is, such as "
        "protonet, matching or maml"
    )
