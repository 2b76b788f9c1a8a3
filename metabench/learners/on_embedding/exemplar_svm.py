"""Exemplar SVMs on another learner's embedding (Malisiewicz, Gupta & Efros 2011).

Each support has a linear SVM of its own, with itself as the one positive and as negatives the
supports of the other classes and features of training images, which are of other classes than
any in a test. A query takes the class of the exemplar that scores it highest.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.on_embedding.base import on_embedding
from metabench.learners.on_embedding.host import fit_of, score_of
from metabench.learners.on_embedding.partitions import seed_of
from metabench.learners.on_embedding.scikit import imported, unit_rows
from metabench.types import EpisodeShape

POSITIVE, NEGATIVE = 0.5, 0.01  # weights of an error, as in the authors' code


def exemplar_svm(
    shape: EpisodeShape,
    *,
    embedding: str = "autoencoder",
    embedding_settings: dict[str, Any] | None = None,
    negatives: int = 200,
    positive: float = POSITIVE,
    negative: float = NEGATIVE,
) -> Learner:
    """An SVM for each support; in the paper's words, an ensemble of exemplars.

    Args:
      shape: of the test episodes.
      embedding: a learner with `embed`, trained first.
      embedding_settings: its options; a run takes those of its recipe where they are not given.
      negatives: training images that are negatives in every episode, drawn once.
      positive: weight of an error on the exemplar.
      negative: weight of an error on a negative.

    Reference: https://doi.org/10.1109/ICCV.2011.6126229
    """
    if negatives < 0:
        raise UserError(f"`negatives` is {negatives}; it must be 0 or more")
    for name, value in {"positive": positive, "negative": negative}.items():
        if not value > 0:
            raise UserError(f"`{name}` is {value}; it must be positive")
    svm = imported("sklearn.svm")

    def keep(features: np.ndarray, key: jax.Array) -> jax.Array:
        chosen = np.random.default_rng(seed_of(key)).integers(features.shape[0], size=negatives)
        return jnp.asarray(unit_rows(features[chosen]))

    def classify(
        supports: np.ndarray, labels: np.ndarray, queries: np.ndarray, kept: np.ndarray
    ) -> np.ndarray:
        supports, queries = unit_rows(supports), unit_rows(queries)
        found = np.full((len(queries), shape.way), -np.inf)
        for exemplar, label in zip(supports, labels, strict=True):
            others = np.concatenate([supports[labels != label], kept])
            model = svm.LinearSVC(class_weight={1: positive, 0: negative}, max_iter=5000)
            model.fit(np.vstack([exemplar, others]), [1] + [0] * len(others))
            scores = model.decision_function(queries)
            found[:, label] = np.maximum(found[:, label], scores)
        return found

    return on_embedding(
        shape,
        embedding,
        embedding_settings,
        fit_of,
        score_of(classify, shape.way),
        keep=keep,
        rows=negatives,
    )
