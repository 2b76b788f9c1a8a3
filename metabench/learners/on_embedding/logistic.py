"""Logistic regression on another learner's embedding: a linear baseline.

By scikit-learn, on the host. Hsu, Levine & Finn 2019 compare CACTUs with one; their code takes the
features as they are and a `penalty` of 1 (`C` = 1). Here features are scaled to unit length, and
the penalty is smaller, since the weights must be larger for such features: both are ours.
"""

from __future__ import annotations

import numpy as np

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Rate, with_options
from metabench.learners.common.host import fit_of, score_of
from metabench.learners.on_embedding.base import Embedding, on_embedding
from metabench.learners.on_embedding.scikit import unit_rows
from metabench.optional import imported
from metabench.types import EpisodeShape, PyTree


@with_options
def logistic(
    shape: EpisodeShape,
    *,
    source: Embedding = Embedding(),
    penalty: Rate = 0.01,
) -> EpisodeLearner:
    """Logistic regression on the features of the supports.

    Args:
      shape: of the test episodes.
      source: the learner whose embedding the classifier is fitted to.
      penalty: weight of half the squared weights beside the summed cross-entropy of the supports;
        1 / `C` of scikit-learn.
    """
    linear = imported("sklearn.linear_model")

    def classify(
        supports: np.ndarray, labels: np.ndarray, queries: np.ndarray, kept: PyTree
    ) -> np.ndarray:
        del kept
        model = linear.LogisticRegression(C=1 / penalty, max_iter=1000)
        model.fit(unit_rows(supports), labels)
        scores = model.decision_function(unit_rows(queries))
        # For two classes there is only one column.
        return np.stack([-scores, scores], axis=1) / 2 if scores.ndim == 1 else scores

    return on_embedding(shape, source, fit_of, score_of(classify, shape.way))
