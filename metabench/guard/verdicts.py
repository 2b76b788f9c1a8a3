"""Which learners dropped: fresh counts against a baseline's, in one family of tests.

The gate errs with a probability of at most `alpha` where nothing dropped by more than the margin:
Holm's correction goes over all results of the tier. A learner that looks suspicious after its first
seeds is trained with more of them (`suspicious`), if need be twice, and judged by all of them. That
can only take rejections away, so the level stands; only a drop beyond doubt (`SURE`) is judged at
once, which adds at most `SURE` for each look at each result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from metabench.results.noninferior import Drop, drop, holm
from metabench.results.result import Result

MARGIN = 0.02  # of accuracy: what a drop must exceed
ALPHA = 0.01  # of the whole gate
SUSPICION = 0.5  # p-value below which more seeds are trained: any drop beyond the margin
SURE = 1e-6  # p-value below which no more are needed
MORE = (3, 6)  # seeds after the first suspicion, and after the second

PASSED, DROPPED, ROSE, BROKEN = "passed", "dropped", "rose", "broken"


class Fresh(NamedTuple):
    """What became of one result when it was made again."""

    baseline: Result
    counts: tuple[tuple[int, ...], ...] = ()  # correct answers [seeds, episodes]
    seeds: tuple[int, ...] = ()
    broken: str | None = None  # why it could not be made again, in a sentence

    @property
    def accuracy(self) -> np.ndarray:
        """[seeds, episodes], in [0, 1]."""
        protocol = self.baseline.protocol
        return np.array(self.counts, np.float64) / (protocol.way * protocol.query)

    def drop(self) -> Drop:
        """From the baseline to what was counted now."""
        return drop(self.baseline.per_episode(), self.accuracy)


class Verdict(NamedTuple):
    """One comparison."""

    name: str  # of the learner; with more of the file's name where that is needed
    protocol: str
    status: str  # PASSED, DROPPED, ROSE or BROKEN
    before: float  # accuracies as fractions
    now: float | None = None
    difference: float | None = None  # `now - before`
    half_width: float | None = None  # of the 95 % interval of `difference`
    p_value: float | None = None  # of "no drop larger than the margin", corrected
    seeds: tuple[int, ...] = ()
    broken: str | None = None

    @property
    def fails(self) -> bool:
        """Whether the gate fails for it."""
        return self.status in (DROPPED, BROKEN)


def suspicious(fresh: Fresh, margin: float = MARGIN) -> bool:
    """Whether more seeds should be trained before a verdict."""
    return fresh.broken is None and SURE < fresh.drop().p_value(margin) < SUSPICION


def verdicts(
    found: Mapping[str, Fresh], margin: float = MARGIN, alpha: float = ALPHA
) -> list[Verdict]:
    """A verdict for each name; one that could not be made again is `broken`.

    A rise by more than the margin is told, by the same test, and fails nothing.
    """
    drops = {name: one.drop() for name, one in found.items() if one.broken is None}
    down = holm({name: one.p_value(margin) for name, one in drops.items()})
    rises = {name: one._replace(drop=-one.drop) for name, one in drops.items()}
    up = holm({name: one.p_value(margin) for name, one in rises.items()})
    listed = []
    for name, one in found.items():
        base = Verdict(
            name, one.baseline.protocol.id, BROKEN, one.baseline.accuracy, broken=one.broken
        )
        if one.broken is None:
            status = DROPPED if down[name] <= alpha else ROSE if up[name] <= alpha else PASSED
            base = base._replace(
                status=status,
                now=float(one.accuracy.mean()),
                difference=0.0 - drops[name].drop,  # no -0.0
                half_width=drops[name].half_width(),
                p_value=down[name],
                seeds=one.seeds,
            )
        listed.append(base)
    return listed


def as_document(listed: list[Verdict], *, tier: str, margin: float, alpha: float) -> dict[str, Any]:
    """The comparisons for other programs; numbers are fractions, rounded to six digits."""
    rows = [
        {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in one._asdict().items()
            if value is not None and value != ()
        }
        for one in listed
    ]
    return {
        "tier": tier,
        "margin": margin,
        "alpha": alpha,
        "failed": sorted(one.name for one in listed if one.fails),
        "comparisons": rows,
    }
