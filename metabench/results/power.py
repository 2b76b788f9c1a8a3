"""How many episodes or seeds would tell two entries apart, if they differ by as much as is seen."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf, sqrt
from typing import NamedTuple

from metabench.results.intervals import freedom, paired_errors, seed_variances, student
from metabench.results.result import Result

POWER = 0.8  # the chance that the test rejects
LEVEL = 0.05  # of the two-sided test
MOST_EPISODES = 10_000_000
MOST_SEEDS = 1_000


class Needed(NamedTuple):
    """How many would be enough; None where no number is, or where it cannot be known."""

    episodes: int | None  # with the seeds that there are
    seeds: int | None  # of each trained entry, with the episodes that there are
    together: tuple[int, int] | None  # episodes and seeds, where neither alone is enough


class _Seeds(NamedTuple):
    variance: float  # of one seed
    number: int


def needed(one: Result, other: Result) -> Needed:
    """What a paired test needs for a difference such as the measured one, with power `POWER`.

    The variances of episodes and of seeds are taken as measured. More seeds also make that of the
    episodes a little smaller, which is not counted: simulations with such numbers of seeds had a
    power of 0.87 to 0.9. The number of seeds is unknown where a trained entry has one.
    """
    gap, number = abs(one.accuracy - other.accuracy), one.protocol.episodes
    episode = paired_errors(one, other).episodes ** 2 * number
    several = [len(result.runs) for result in (one, other) if len(result.runs) > 1]
    seeds = [
        _Seeds(variance, count)
        for variance, count in zip(seed_variances(one, other), several, strict=True)
    ]
    single = any(result.trained and len(result.runs) == 1 for result in (one, other))

    def episodes_do(count: int) -> bool:
        return _is_enough(gap, episode / count, seeds)

    def seeds_do(count: int) -> bool:
        return _is_enough(gap, episode / number, [one._replace(number=count) for one in seeds])

    alone = _smallest(episodes_do, MOST_EPISODES)
    if single or not seeds:
        return Needed(alone, None, None)
    more = _smallest(seeds_do, MOST_SEEDS)
    return Needed(alone, more, None if alone or more else _together(gap, episode, seeds))


def _together(gap: float, episode: float, seeds: list[_Seeds]) -> tuple[int, int] | None:
    """So many episodes that they have about half of the variance allowed, and seeds for the rest.

    `episode`: the variance of one episode.
    """
    if gap == 0:
        return None
    quantiles = student(inf, 1 - LEVEL / 2) + student(inf, POWER)
    episodes = ceil(2 * episode * (quantiles / gap) ** 2)
    count = _smallest(
        lambda count: _is_enough(
            gap, episode / episodes, [one._replace(number=count) for one in seeds]
        ),
        MOST_SEEDS,
    )
    return None if count is None or episodes > MOST_EPISODES else (episodes, count)


def _is_enough(gap: float, episodes: float, seeds: list[_Seeds]) -> bool:
    """Whether a difference is found. `episodes`: the variance that comes from them."""
    variance = episodes + sum(one.variance / one.number for one in seeds)
    degrees = freedom(variance, seeds)
    quantiles = student(degrees, 1 - LEVEL / 2) + student(degrees, POWER)
    return gap > 0 and gap >= quantiles * sqrt(variance)


def _smallest(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 2 that is enough; steps of 5 % first, then single ones."""
    below, number = 1, 2
    while not enough(number):
        if number > most:
            return None
        below, number = number, max(number + 1, ceil(number * 1.05))
    while number - below > 1:
        middle = (below + number) // 2
        below, number = (below, middle) if enough(middle) else (middle, number)
    return number
