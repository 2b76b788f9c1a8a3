"""The ranks that each entry of a board may have: a paired test for each pair, corrected by Holm."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from metabench.results.intervals import p_value
from metabench.results.result import Result

LEVEL = 0.05  # the chance that any pair of equals of a board is told apart


class RankRange(NamedTuple):
    """Ranks from 1."""

    best: int  # one more than the number of entries that are better
    worst: int  # the number of entries, less those that it is better than


def rank_ranges(results: Sequence[Result]) -> list[RankRange]:
    """The range of each result among all of them.

    One is better than another if its mean is higher, and the paired test of the two rejects after
    Holm's correction for all pairs.
    """
    pairs = list(combinations(range(len(results)), 2))
    rejected = holm([p_value(results[one], results[other]) for one, other in pairs])
    means = [result.accuracy for result in results]
    better, worse = [0] * len(results), [0] * len(results)
    for (one, other), apart in zip(pairs, rejected, strict=True):
        if apart:
            winner, loser = (one, other) if means[one] > means[other] else (other, one)
            worse[winner] += 1
            better[loser] += 1
    return [
        RankRange(1 + above, len(results) - below)
        for above, below in zip(better, worse, strict=True)
    ]


def holm(p_values: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which hypotheses are rejected, in the order given (Holm 1979).

    The smallest of m p-values is compared with `level` / m, the next with `level` / (m - 1), and
    so on up to the first that is not below.
    """
    rejected = [False] * len(p_values)
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    for before, place in enumerate(by_size):
        if p_values[place] > level / (len(p_values) - before):
            break
        rejected[place] = True
    return rejected
