"""Is a result worse than an earlier one by more than a margin? One-sided tests, Holm-corrected.

Both results answer the same episodes, and each has training seeds of its own. What is tested is
the null hypothesis "the accuracy dropped by no more than the margin". The spread between seeds is
taken from the earlier result, which has more of them; the spread between episodes is that of the
paired differences. As in `intervals.py`, the seeds' variance is shrunk by what the finite number of
episodes adds to it, and Student's distribution with Satterthwaite's degrees of freedom stands in
for the normal one.

Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
6 (1979).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

EXACT = 1e-12  # a standard error below this is none


class Drop(NamedTuple):
    """How much lower the fresh accuracy is than the earlier one, as fractions."""

    drop: float
    error: float  # standard error of `drop`
    freedom: float  # degrees of freedom of `error`; infinite where no seed plays a part

    def p_value(self, margin: float) -> float:
        """Of the hypothesis that the true drop is at most `margin`."""
        from scipy.stats import norm, t

        if self.error < EXACT:
            return 0.0 if self.drop > margin else 1.0
        score = (self.drop - margin) / self.error
        tail = norm.sf(score) if np.isinf(self.freedom) else t.sf(score, self.freedom)
        return float(tail)

    def half_width(self, level: float = 0.95) -> float:
        """Of the two-sided interval of the drop."""
        from scipy.stats import norm, t

        tail = (1 + level) / 2
        quantile = norm.ppf(tail) if np.isinf(self.freedom) else t.ppf(tail, self.freedom)
        return float(quantile * self.error)


def drop(baseline: np.ndarray, fresh: np.ndarray) -> Drop:
    """The drop from `baseline` [seeds, episodes] to `fresh` [seeds, episodes], both in [0, 1].

    With one baseline seed the spread between seeds is unknown, and taken as none.
    """
    episodes = baseline.mean(0) - fresh.mean(0)
    by_episode = episodes.var(ddof=1) / len(episodes)
    between = seed_variance(baseline) * (1 / len(baseline) + 1 / len(fresh))
    variance, freedom = by_episode + between, np.inf
    if between > 0:
        freedom = (len(baseline) - 1) * (variance / between) ** 2
    return Drop(float(episodes.mean()), float(variance**0.5), float(freedom))


def seed_variance(accuracy: np.ndarray) -> float:
    """Variance of the accuracy between training seeds, of [seeds, episodes].

    What a finite number of episodes adds to the variance of the seeds' means is taken out.
    """
    seeds, episodes = accuracy.shape
    if seeds < 2:
        return 0.0
    means = accuracy.mean(1)
    rest = accuracy - accuracy.mean(0) - (means - means.mean())[:, None]
    by_chance = np.square(rest).sum() / ((seeds - 1) * max(episodes - 1, 1)) / episodes
    return max(0.0, float(means.var(ddof=1) - by_chance))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values: rejecting those of at most `alpha` errs with that probability at most."""
    adjusted, highest = dict[str, float](), 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[name] * (len(p_values) - rank)))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}
