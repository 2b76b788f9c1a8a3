"""Features as classifiers of scikit-learn take them."""

from __future__ import annotations

import numpy as np


def unit_rows(features: np.ndarray) -> np.ndarray:
    """[n, dimensions] to rows of length 1; zeros stay zeros."""
    length = np.sqrt(np.square(features).sum(1, keepdims=True))
    return np.asarray(features / np.maximum(length, 1e-6))
