"""The mean of values over instances and training seeds, its interval, and a paired test.

Every training is measured on the same instances, so a value belongs to a seed and to an instance,
and both are samples: the mean must hold for other seeds and for other instances. It is a
two-way layout with random seeds and random instances, one value in each cell. With the mean
squares of seeds, instances and the rest, the variance of the mean is
(MS_seeds + MS_instances - MS_rest) / (seeds · instances), with Satterthwaite's degrees of freedom:
Clark 1973, "The language-as-fixed-effect fallacy", equation 14 (quasi F).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, stdtr, stdtrit

from metabench.scoring.summary import half_width


class Mean(NamedTuple):
    """A mean over seeds and instances."""

    mean: float
    ci95: float  # half-width of the 95 % interval
    p: float  # of the two-sided test of a mean of 0
    freedom: float | None  # degrees of freedom of t; None with one seed: the normal distribution


def mean_of(values: np.ndarray) -> Mean:
    """The mean of [seeds, instances].

    With one seed it is the usual interval over instances, 1.96 standard errors, and says
    nothing of other seeds.
    """
    mean = float(values.mean())
    if len(values) == 1:
        half = float(half_width(values[0]))
        return Mean(mean, half, _p(mean, half / 1.96, None), None)
    variance, freedom = _variance(values)
    error = float(np.sqrt(variance))
    return Mean(mean, float(stdtrit(freedom, 0.975)) * error, _p(mean, error, freedom), freedom)


def _variance(values: np.ndarray) -> tuple[float, float]:
    """The variance of the mean, and its degrees of freedom; no component is below 0."""
    seeds, instances = values.shape
    by_seed, by_instance = values.mean(1), values.mean(0)
    rest = values - by_seed[:, None] - by_instance[None] + values.mean()
    free = np.array([seeds - 1, instances - 1, (seeds - 1) * (instances - 1)], np.float64)
    squares = np.array(
        [
            instances * np.square(by_seed - values.mean()).sum(),
            seeds * np.square(by_instance - values.mean()).sum(),
            np.square(rest).sum(),
        ]
    )
    of_seeds, of_instances, of_rest = squares / free
    # A mean square below that of the rest: its component is 0, and it has no part in the sum.
    parts = [(one, n) for one, n in zip((of_seeds, of_instances), free, strict=False)]
    parts = [(one, n) for one, n in parts if one > of_rest]
    parts = [*parts, (-of_rest, free[2])] if len(parts) == 2 else parts or [(of_rest, free[2])]
    total = sum(one for one, _ in parts)
    if total <= 0:
        return 0.0, float(free[2])
    return total / values.size, total**2 / sum(one**2 / n for one, n in parts)


def _p(mean: float, error: float, freedom: float | None) -> float:
    if error == 0:
        return float(mean == 0)
    score = -abs(mean) / error
    return 2 * float(ndtr(score) if freedom is None else stdtr(freedom, score))
