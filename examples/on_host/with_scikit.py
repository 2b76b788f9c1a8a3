"""Logistic regression on pixels by scikit-learn: nothing is trained before the test.

metabench run --learner examples/on_host/with_scikit.py:logistic --dataset strokes
"""

from typing import Annotated

import numpy as np
from sklearn.linear_model import LogisticRegression

from metabench import POSITIVE, EpisodeLearner, EpisodeShape, on_host


def logistic(shape: EpisodeShape, *, penalty: Annotated[float, POSITIVE] = 0.01) -> EpisodeLearner:
    """A linear classifier that is fitted to the supports of each episode.

    Args:
      shape: of the test episodes.
      penalty: weight of half the squared weights; 1 / `C` of scikit-learn.
    """

    def unit_rows(images):
        flat = images.reshape(len(images), -1) / 255.0
        return flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-9)

    def classify(state, support_x, support_y, query_x):
        model = LogisticRegression(C=1 / penalty, max_iter=1000)
        model.fit(unit_rows(support_x), support_y)
        scores = model.decision_function(unit_rows(query_x))
        # For two classes there is only one column.
        return np.stack([-scores, scores], 1) / 2 if scores.ndim == 1 else scores

    return on_host(shape, classify)
