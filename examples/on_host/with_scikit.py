"""Linear discriminant analysis on pixels by scikit-learn: nothing is trained before the test.

metabench run --learner examples/on_host/with_scikit.py:discriminant --dataset strokes
"""

from typing import Annotated

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from metabench import EpisodeLearner, EpisodeShape, FromTo, on_host


def discriminant(
    shape: EpisodeShape, *, shrinkage: Annotated[float, FromTo(0, 1)] = 0.9
) -> EpisodeLearner:
    """Gaussian classes with one covariance, which is shrunk towards a multiple of the identity."""

    def flat(images):
        return images.reshape(len(images), -1) / 255.0

    def classify(state, support_x, support_y, query_x):
        # One image of each class has no scatter. A blank image more, of every class, gives some.
        blank = np.zeros((shape.way, flat(support_x).shape[1]))
        images = np.concatenate([flat(support_x), blank])
        labels = np.concatenate([support_y, np.arange(shape.way)])
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
        model.fit(images, labels)
        scores = model.decision_function(flat(query_x))
        return np.stack([-scores, scores], 1) if scores.ndim == 1 else scores

    return on_host(shape, classify)
