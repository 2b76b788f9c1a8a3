"""One canary: what was measured, what was expected, and whether that holds. Nothing is run here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from metabench.scoring.summary import half_width

Expected: TypeAlias = Literal["chance", "1", "unchanged", "measured"]
SIGMAS = 4.0  # a larger difference is significant; by chance it occurs once in 16,000 times
NEAR = 0.95  # of 1
STRAY = 1e-3  # share of answers that may change where none should: near ties


class Canary(NamedTuple):
    """What came of one check with a known answer."""

    name: str
    mean: float | None
    """A fraction: right answers where `chance` or `1` is expected, else answers that changed. None
    where the check does not apply."""
    ci95: float | None  # half-width of the 95 % interval of `mean` over tasks
    expected: Expected
    holds: bool | None  # None where nothing is expected, and where the check does not apply
    said: str  # in words


class Seen(NamedTuple):
    """How some tasks were answered: arrays [tasks]."""

    right: np.ndarray  # share of right answers
    changed: np.ndarray  # share of answers that differ from the usual ones
    unanswered: np.ndarray  # bool; whether a score was no number


def as_json(canaries: Iterable[Canary]) -> list[dict[str, Any]]:
    """What a result document holds."""
    return [one._asdict() for one in canaries]


def from_json(found: Iterable[Mapping[str, Any]]) -> tuple[Canary, ...]:
    """The canaries of a result document."""
    return tuple(Canary(**{"said": "", **one}) for one in found)


def skipped(name: str, expected: Expected, why: str) -> Canary:
    """A check that does not apply; `why` is a sentence."""
    return Canary(name, None, None, expected, None, f"skipped: {why}")


def at_chance(
    name: str, seen: Seen, chance: float, cause: str, *, exact: bool = True, told: str = ""
) -> Canary:
    """Nothing tells the learner the labels: its answers must be right as often as by chance.

    Args:
      name: of the canary.
      seen: the answers.
      chance: share of right answers by chance.
      cause: where other answers may come from, after "look for ".
      exact: false where `chance` is the most that is to be expected. It is never exact where
        queries are not answered: these count as wrong.
      told: how `chance` is found, where that is not plain.
    """
    mean, ci95 = _summary(seen.right)
    slack = SIGMAS * ci95 / 1.96 + 1e-6  # float32, without any noise
    above, below = mean > chance + slack, mean < chance - slack
    below &= exact and not seen.unanswered.any()
    said = f"{percent(mean)} of the answers are right; chance is {percent(chance)}{told}"
    if above or below:
        way = "The answers come from" if above else "The answers avoid the right label, known from"
        said += f". {way} somewhere else: look for {cause}"
    return Canary(name, *_rounded(mean, ci95), "chance", not (above or below), said + _nan(seen))


def recognised(name: str, seen: Seen) -> Canary:
    """The answer is plain from the support set: nearly all answers must be right."""
    mean, ci95 = _summary(seen.right)
    holds = mean + ci95 >= NEAR
    said = f"{percent(mean)} of the images just shown are recognised"
    if not holds:
        said += (
            f"; at least {percent(NEAR)} is expected. The learner is trained too little, or it "
            "does not get the labels or images of the supports: look at `adapt`"
        )
    return Canary(name, *_rounded(mean, ci95), "1", holds, said + _nan(seen))


def compared(
    name: str,
    seen: Seen,
    usual: Seen,
    *,
    cause: str,
    binding: bool,
    as_good: bool = False,
) -> Canary:
    """The same tasks, put in another way: how many answers change.

    Args:
      name: of the canary.
      seen: the answers.
      usual: the answers to the same tasks as they are in the test.
      cause: what a change means and what to do, a sentence.
      binding: whether no answer may change; otherwise the share is only measured.
      as_good: whether as many answers must be right as usual: the tasks are of the same kind.
    """
    mean, ci95 = _summary(seen.changed)
    apart, noise = _summary(seen.right - usual.right)
    moved = as_good and abs(apart) > SIGMAS * noise / 1.96 + 1e-6
    said = f"{percent(mean)} of the answers change"
    if moved:
        points = f"{100 * apart:+.1f}".replace("-", "\N{MINUS SIGN}")
        said += f", and the accuracy by {points} points"
    elif as_good:
        said += "; the accuracy is as usual"
    fails, judged = moved or (binding and mean > STRAY), binding or as_good
    if fails:
        said += f". {cause}"
    elif not judged:
        said += "; this is measured, not judged"
    holds = not fails if judged else None
    expected: Expected = "unchanged" if binding else "measured"
    return Canary(name, *_rounded(mean, ci95), expected, holds, said + _nan(seen))


def percent(fraction: float) -> str:
    """For example `20.0 %`."""
    return f"{100 * fraction:.1f} %"


def _summary(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(half_width(values))


def _rounded(mean: float, ci95: float) -> tuple[float, float]:
    return round(mean, 6), round(ci95, 6)


def _nan(seen: Seen) -> str:
    tasks = int(seen.unanswered.sum())
    if not tasks:
        return ""
    return f" (in {tasks} of {len(seen.unanswered)} tasks a score was no number, NaN)"
