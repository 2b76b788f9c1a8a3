"""Timing two ways of doing the same work in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

SETTLE = 0.25  # seconds before each turn: threads of the turn before spin for a while


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], turns: int) -> dict:
    """Seconds of both, `turns` times each after one turn of warming up, A B A B ….

    Both must wait for their own results. Returns the medians and the ratio theirs / ours
    (above 1: ours is faster) as median, lowest and highest over the pairs.
    """
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(turns)]
    ratios = [b / a for a, b in pairs]
    return {
        "ours_s": statistics.median(a for a, _ in pairs),
        "theirs_s": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
    }


def _seconds(work: Callable[[], object]) -> float:
    time.sleep(SETTLE)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
