"""Two entries of one board: their paired difference, and whether it tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabench.errors import UserError
from metabench.results.chosen import chosen
from metabench.results.intervals import (
    Errors,
    Interval,
    overall,
    p_value,
    paired,
    paired_errors,
)
from metabench.results.power import POWER, Needed, needed
from metabench.results.ranking import comparable
from metabench.results.result import Result
from metabench.results.tables import named_results, percent, plus_minus

FIELDS = ("protocols", "datasets", "episodes", "splits", "training data", "training splits")


@dataclass(frozen=True)
class Comparison:
    """Two results in the same episodes; accuracies are fractions. Printed, it is sentences."""

    names: tuple[str, str]
    protocol: str
    episodes: int
    seeds: tuple[int, int]
    accuracies: tuple[Interval, Interval]
    difference: Interval  # the first less the second
    errors: Errors  # standard errors of the difference
    p_value: float  # of the two-sided paired test
    told_apart: bool  # by that test at 5 %
    needed: Needed  # to tell them apart with power 0.8

    def record(self) -> dict[str, Any]:
        """Every figure, flat."""
        one, other = self.accuracies
        together = self.needed.together or (None, None)
        return {
            "protocol": self.protocol,
            "a": self.names[0],
            "b": self.names[1],
            "episodes": self.episodes,
            "seeds_a": self.seeds[0],
            "seeds_b": self.seeds[1],
            "accuracy_a": one.mean,
            "ci95_a": one.ci95,
            "accuracy_b": other.mean,
            "ci95_b": other.ci95,
            "difference": self.difference.mean,
            "ci95": self.difference.ci95,
            "one_seed": self.difference.one_seed,
            "episode_error": self.errors.episodes,
            "seed_error": self.errors.seeds,
            "p_value": self.p_value,
            "told_apart": self.told_apart,
            "power": POWER,
            "episodes_needed": self.needed.episodes,
            "seeds_needed": self.needed.seeds,
            "episodes_needed_together": together[0],
            "seeds_needed_together": together[1],
        }

    def __str__(self) -> str:
        """What was found, a line for each thing."""
        pairs = zip(self.names, self.accuracies, self.seeds, strict=True)
        lines = [
            f"{name}: {plus_minus(accuracy)} %, {_counted(seeds, 'seed')}"
            for name, accuracy, seeds in pairs
        ]
        over = "episodes" if self.errors.seeds is None else "episodes and seeds"
        return "\n".join(
            [
                f"{self.protocol}, {self.episodes:,} episodes",
                *lines,
                f"difference: {plus_minus(self.difference)} points, the first less the second; "
                f"95 % interval over {over}",
                f"standard error: {percent(self.errors.episodes)} from the episodes, "
                f"{self._of_seeds()}",
                f"p = {self.p_value:.2g}: {self._verdict()}",
                self._planned(),
            ]
        )

    def _verdict(self) -> str:
        apart = "they are told apart" if self.told_apart else "they are not told apart"
        single = "; with one training seed, another training may change it"
        return apart + (single if self.difference.one_seed else "")

    def _of_seeds(self) -> str:
        if self.errors.seeds is not None:
            return f"{percent(self.errors.seeds)} from the seeds"
        return "unknown from the seeds" if self.difference.one_seed else "none from seeds"

    def _planned(self) -> str:
        if self.difference.mean == 0:
            return "needed: no number of episodes tells equal means apart"
        episodes, seeds, together = self.needed
        ways = []
        if episodes is not None:
            ways.append(f"about {_counted(episodes, 'episode')} with these seeds")
        if seeds is not None:
            ways.append(f"about {_counted(seeds, 'seed')} each with these episodes")
        if together is not None:
            both = _counted(together[0], "episode"), _counted(together[1], "seed")
            ways.append(f"more of both, such as {both[0]} and {both[1]} each")
        found = ", or ".join(ways) or "more than can be had"
        return f"needed for such a difference, with power {POWER}: {found}"


def compare(
    a: Result | Path | str, b: Result | Path | str, folder: Path | str = "leaderboards"
) -> Comparison:
    """The paired difference of two results of one board, and what would tell them apart.

    Args:
      a: a result, the path of its file, or `PROTOCOL/LEARNER` among those of `folder`.
      b: the same.
      folder: of a folder for each protocol.

    Raises:
      UserError: one is not there, or they were not trained and tested on the same data and
        episodes.

    Example:
      >>> import metabench
      >>> dark, bright = (
      ...     metabench.run("pixel_nn", settings={"ink": ink}, dataset="strokes", episodes=20,
      ...                   progress=False)
      ...     for ink in ("dark", "bright"))
      >>> metabench.compare(bright, dark).told_apart
      True
    """
    one, other = chosen(a, folder), chosen(b, folder)
    _check_boards(one, other)
    first, second = named_results([one, other])
    probability = p_value(one, other)
    return Comparison(
        (first, second),
        one.protocol.id,
        one.protocol.episodes,
        (len(one.runs), len(other.runs)),
        (overall(one), overall(other)),
        paired(one, other),
        paired_errors(one, other),
        probability,
        probability < 0.05,
        needed(one, other),
    )


def _check_boards(one: Result, other: Result) -> None:
    """`UserError` where the results do not compare, with everything that differs."""
    fields = zip(FIELDS, comparable(one), comparable(other), strict=True)
    differing = [
        f"{name} {_short(ours)} and {_short(theirs)}"
        for name, ours, theirs in fields
        if ours is not None and theirs is not None and ours != theirs
    ]
    if differing:
        raise UserError(
            f"`{one.learner}` and `{other.learner}` are of different boards, so their episodes are "
            f"no pairs: {'; '.join(differing)}"
        )


def _short(field: str) -> str:
    """A digest's first letters; an id whole."""
    return field[:12] if len(field) == 64 else field


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
