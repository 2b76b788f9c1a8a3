"""CACTUs: meta-learning without labels (Hsu, Levine & Finn 2019).

Another learner's embedding of the unlabelled training images is clustered several times over; the
clusters are classes, from which training episodes are drawn as from true ones (algorithm 1).
Whatever learner meta-trains on them does so unchanged, and is tested as itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import jax

from metabench import registry
from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.on_embedding.base import embedded, embedding_source
from metabench.learners.on_embedding.partitions import (
    Algorithm,
    constructed,
    partitions_of,
    seed_of,
)
from metabench.learners.on_embedding.scikit import imported
from metabench.types import ClassTable, EpisodeShape, PyTree

Labels = Literal["constructed", "true"]


def cactus(
    shape: EpisodeShape,
    *,
    base: str = "protonet",
    base_settings: dict[str, Any] | None = None,
    embedding: str = "acai",
    embedding_settings: dict[str, Any] | None = None,
    partitions: int = 50,
    clusters: int = 500,
    algorithm: Algorithm = "lloyd",
    labels: Labels = "constructed",
    steps: int = 10_000,
) -> Learner:
    """Learner `base`, meta-trained on clusters of an embedding.

    Args:
      shape: of the test episodes.
      base: a learner that is meta-trained on episodes.
      base_settings: options of `base`.
      embedding: a learner with `embed`, trained first.
      embedding_settings: its options; a run takes those of its recipe where they are not given.
      partitions: how often the images are clustered.
      clusters: in each partition.
      algorithm: of k-means: `lloyd` or `minibatch`.
      labels: `true` draws from the true classes, for comparison (the paper's "oracle").
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1810.02334
    """
    for name, number in {"partitions": partitions, "clusters": clusters}.items():
        if number < 1:
            raise UserError(f"`{name}` is {number}; it must be at least 1")
    for name, choice, kind in (("algorithm", algorithm, Algorithm), ("labels", labels, Labels)):
        if choice not in get_args(kind):
            allowed = ", ".join(get_args(kind))
            raise UserError(f"`{name}` is {choice!r}; it must be one of: {allowed}")
    learner = _base(shape, base, base_settings or {}, steps)
    if labels == "true":
        return learner
    imported("sklearn.cluster")  # told before anything is trained
    source = embedding_source(shape, embedding, embedding_settings or {})
    met = learner.train_shape or shape
    assert isinstance(met, EpisodeShape)

    def relabel(state: PyTree, images: jax.Array, key: jax.Array) -> ClassTable:
        features = embedded(source.learner, state, images)
        found = partitions_of(features, partitions, clusters, seed_of(key), algorithm)
        return constructed(images, found, met.shot + met.query, met.way)

    return learner._replace(source=source, relabel=relabel)


def _base(shape: EpisodeShape, name: str, settings: Mapping[str, Any], steps: int) -> Learner:
    """The learner that meets the clusters."""
    options = registry.options(name)
    if "embedding" in options or "classes" in options:
        raise UserError(
            f"`base` is {name!r}, which is not meta-trained on episodes alone; take one that is, "
            "such as protonet, matching or maml"
        )
    known = {"steps": steps} if "steps" in options else {}
    learner = registry.build_learner(name, shape, {**known, **settings})
    met = learner.train_shape or shape
    if learner.train is None or not isinstance(met, EpisodeShape):
        raise UserError(
            f"`base` is {name!r}, which is not meta-trained on episodes; take one that is, such "
            "as protonet, matching or maml"
        )
    return learner
