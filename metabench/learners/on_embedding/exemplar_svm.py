"""Exemplar SVMs on another learner's embedding (Malisiewicz, Gupta & Efros 2011).

Each support has a linear SVM of its own. The support is the one positive; the negatives are the
supports of the other classes, and training images, whose classes no test meets. A query takes the
class of the exemplar that scores it highest.
"""

from __future__ import annotations

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import AtLeast, Rate, with_options
from metabench.learners.common.host import fit_of, score_of
from metabench.learners.on_embedding.base import Embedding, on_embedding
from metabench.learners.on_embedding.partitions import seed_of
from metabench.learners.on_embedding.scikit import unit_rows
from metabench.optional import imported
from metabench.types import EpisodeShape

POSITIVE, NEGATIVE = 0.5, 0.01  # weights of an error, as in the authors' code


@with_options
def exemplar_svm(
    shape: EpisodeShape,
    *,
    source: Embedding = Embedding(),
    negatives: Annotated[int, AtLeast(0)] = 200,
    positive: Rate = POSITIVE,
    negative: Rate = NEGATIVE,
) -> EpisodeLearner:
    """An SVM for each support: the ensemble of exemplars of the paper.

    Args:
      shape: of the test episodes.
      source: the learner whose embedding the classifier is fitted to.
      negatives: training images that are negatives in every episode, drawn once.
      positive: weight of an error on the exemplar.
      negative: weight of an error on a negative.

    Reference: https://doi.org/10.1109/ICCV.2011.6126229
    """
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

    score = score_of(classify, shape.way)
    return on_embedding(shape, source, fit_of, score, keep=keep, rows=negatives)
