"""Logistic regression on another learner's embedding: the linear baseline (Hsu et al. 2019).

By scikit-learn, on the host; features are scaled to unit length.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.learners.on_embedding.base import on_embedding
from metabench.learners.on_embedding.host import fit_of, score_of
from metabench.learners.on_embedding.scikit import imported, unit_rows
from metabench.types import EpisodeShape, PyTree


def logistic(
    shape: EpisodeShape,
    *,
    embedding: str = "autoencoder",
    embedding_settings: dict[str, Any] | None = None,
    penalty: float = 0.01,
) -> Learner:
    """Logistic regression on the features of the supports.

    Args:
      shape: of the test episodes.
      embedding: a learner with `embed`, trained first.
      embedding_settings: its options; a run takes those of its recipe where they are not given.
      penalty: weight of the squared weights beside the summed cross-entropy of the supports.
    """
    if not penalty > 0:
        raise UserError(f"`penalty` is {penalty}; it must be positive")
    linear = imported("sklearn.linear_model")

    def classify(
        supports: np.ndarray, labels: np.ndarray, queries: np.ndarray, kept: PyTree
    ) -> np.ndarray:
        del kept
        model = linear.LogisticRegression(C=1 / penalty, max_iter=1000)
        model.fit(unit_rows(supports), labels)
        scores = model.decision_function(unit_rows(queries))
        # Two classes have one column between them.
        return np.stack([-scores, scores], axis=1) / 2 if scores.ndim == 1 else scores

    return on_embedding(shape, embedding, embedding_settings, fit_of, score_of(classify, shape.way))
