"""A search for settings: typed ranges in place of lists, and how trials are drawn from them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metabench.errors import UserError, suggest

METHODS = ("random", "grid", "optuna")
OWN = ("method", "trials", "seed", "prune")  # keys of the table that are no learners


@dataclass(frozen=True)
class Span:
    """The numbers from `low` to `high`, both included."""

    low: float
    high: float
    log: bool = False
    whole: bool = False  # whole numbers only
    points: int = 0  # of a grid; 0: not given

    def drawn(self, source: random.Random) -> float:
        """One of them at random, evenly, or evenly in the logarithm."""
        if self.whole and not self.log:
            return source.randint(int(self.low), int(self.high))
        if not self.log:
            return source.uniform(self.low, self.high)
        return self.bounded(math.exp(source.uniform(math.log(self.low), math.log(self.high))))

    def spread(self) -> list[float]:
        """`points` of them, evenly; each once."""
        if self.points == 1:
            return [self.bounded(self.low)]
        found = []
        for number in range(self.points):
            part = number / (self.points - 1)
            if self.log:
                value = math.exp((1 - part) * math.log(self.low) + part * math.log(self.high))
            else:
                value = (1 - part) * self.low + part * self.high
            found.append(self.bounded(value))
        return list(dict.fromkeys(found))

    def bounded(self, value: float) -> float:
        """`value` in few digits, and between the ends."""
        value = round(value) if self.whole else float(f"{value:.10g}")
        low, high = (int(self.low), int(self.high)) if self.whole else (self.low, self.high)
        return min(max(value, low), high)


Ranges = Mapping[str, Span | Sequence[Any]]  # by option: a span, or choices


@dataclass(frozen=True)
class Search:
    """How settings are searched for, beside those that the grid lists."""

    method: str
    ranges: Mapping[str, Ranges]  # by learner
    trials: int = 0  # of each learner and protocol; 0: all, of a grid
    seed: int = 0
    prune: bool = True  # stop what is behind in validation, where the method can


def search_of(table: Mapping[str, Any], learners: Sequence[str]) -> Search:
    """The search that a table `[search]` of a grid file asks for.

    Raises:
      UserError: an unknown key, or a value of a kind that it cannot be.
    """
    method = table.get("method")
    if method not in METHODS:
        raise UserError(f"`search.method` is {method!r}; it must be one of: {', '.join(METHODS)}")
    known = (*OWN, *learners)
    for name in table:
        if name not in known:
            raise UserError(
                f"`search` has `{name}`{suggest(name, known)}; it may hold: {', '.join(known)}"
            )
    trials, seed = table.get("trials", 0), table.get("seed", 0)
    for name, value, least in (("trials", trials, 0 if method == "grid" else 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UserError(
                f"`search.{name}` is {value!r}; it must be a whole number of {least} or more"
            )
    if method == "grid" and trials:
        raise UserError('`search.trials` belongs to random search and optuna; "grid" runs all')
    prune = table.get("prune", True)
    if not isinstance(prune, bool):
        raise UserError(f"`search.prune` is {prune!r}; it must be true or false")
    named = [name for name in learners if name in table]
    if not named:
        raise UserError("`search` names no learner; add a table such as [search.protonet]")
    ranges = {name: _ranges(f"search.{name}", table[name], method) for name in named}
    return Search(method, ranges, trials, seed, prune)


def _ranges(table: str, value: Any, method: str) -> dict[str, Span | Sequence[Any]]:
    if not isinstance(value, Mapping) or not value:
        raise UserError(f"`{table}` is {value!r}; it must be a table of options and their ranges")
    found: dict[str, Span | Sequence[Any]] = {}
    for name, one in value.items():
        where = f"{table}.{name}"
        if isinstance(one, Mapping):
            found[name] = _span(where, one, method)
        elif isinstance(one, list | tuple) and one:
            found[name] = [None if choice == "none" else choice for choice in one]
        else:
            raise UserError(
                f"`{where}` is {one!r}; it must be a list of choices or a range such as "
                "{low = 1e-4, high = 1e-2, log = true}"
            )
    return found


def _span(where: str, table: Mapping[str, Any], method: str) -> Span:
    """The range in a table; it is of whole numbers if both ends are."""
    for name in table:
        if name not in ("low", "high", "log", "points"):
            raise UserError(f"`{where}` has `{name}`; it may hold: low, high, log, points")
    low: Any = table.get("low")
    high: Any = table.get("high")
    log = table.get("log", False)
    if not (_number(low) and _number(high) and low < high):
        raise UserError(f"`{where}` needs numbers `low` and `high`, the first below the second")
    if not isinstance(log, bool) or (log and low <= 0):
        raise UserError(f"`{where}.log` must be true or false, and with true `low` is above 0")
    points = table.get("points", 0)
    if not isinstance(points, int) or isinstance(points, bool) or points < 0:
        raise UserError(f"`{where}.points` is {points!r}; it must be a whole number")
    if (method == "grid") != (points > 0):
        need = (
            "needs `points`, how many of its numbers are tried"
            if method == "grid"
            else ('has `points`, which belongs to method "grid"')
        )
        raise UserError(f"`{where}` {need}")
    whole = isinstance(low, int) and isinstance(high, int)
    return Span(low, high, log, whole, points)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def trials_of(search: Search, learner: str) -> list[dict[str, Any]]:
    """The settings that a random or a grid search tries; the same on every call."""
    ranges = search.ranges.get(learner)
    if ranges is None or search.method == "optuna":
        return [{}]
    if search.method == "grid":
        axes = [one.spread() if isinstance(one, Span) else one for one in ranges.values()]
        return [dict(zip(ranges, found, strict=True)) for found in itertools.product(*axes)]
    source = random.Random(f"{search.seed} {learner}")
    return [
        {
            name: one.drawn(source) if isinstance(one, Span) else source.choice(one)
            for name, one in ranges.items()
        }
        for _ in range(search.trials)
    ]


def ends(ranges: Ranges) -> list[dict[str, Any]]:
    """Settings whose values are the ends and the choices: what must be admitted as a whole."""
    axes = {
        name: [one.bounded(one.low), one.bounded(one.high)] if isinstance(one, Span) else one
        for name, one in ranges.items()
    }
    longest = max(map(len, axes.values()))
    return [{name: axis[n % len(axis)] for name, axis in axes.items()} for n in range(longest)]
