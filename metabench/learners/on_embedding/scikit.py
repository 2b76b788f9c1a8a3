"""scikit-learn, an optional extra: only who needs it imports it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from metabench.errors import UserError


def imported(name: str) -> Any:
    """A module of scikit-learn or of its dependencies; `UserError` if it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            "this needs scikit-learn, which is not installed: `pip install 'metabench[scikit]'`"
        ) from error


def unit_rows(features: np.ndarray) -> np.ndarray:
    """[n, dimensions] to rows of length 1; zeros stay zeros."""
    length = np.sqrt(np.square(features).sum(1, keepdims=True))
    return np.asarray(features / np.maximum(length, 1e-6))
