"""Counts of many seeds for each learner, with and without a fault, kept as they come.

A file for each learner and fault in `runs/gate/`: the same command adds what is missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.gate import tier
from benchmarks.gate.faults import FAULTS
from metabench.files.canonical import canonical
from metabench.files.publish import write_text
from metabench.results.document import write
from metabench.results.result import SeedRun
from metabench.scoring.summary import summarise
from metabench.tracks.fewshot.brief import Brief
from metabench.tracks.fewshot.plan import Plan
from metabench.tracks.fewshot.run import result_of

FOLDER = Path("runs") / "gate"
AT_ONCE = 10  # seeds between two writings


class Kept(NamedTuple):
    """What was measured of one learner with one fault."""

    correct: dict[int, list[int]]  # right answers in each episode, by seed
    cost: dict[int, dict[str, float]]  # by seed
    parameters: int = 0
    by_presentation: dict[int, list[list[int]]] | None = None  # of streams, by seed


def kept(folder: Path, learner: str, fault: str = "none") -> Kept:
    """What is in the file; nothing where nothing was measured."""
    path = _path(folder, learner, fault)
    if not path.is_file():
        return Kept({}, {})
    document = json.loads(path.read_text("utf-8"))
    correct, cost = (
        {int(seed): found for seed, found in document[name].items()} for name in ("correct", "cost")
    )
    streams = {int(seed): one for seed, one in document.get("by_presentation", {}).items()}
    return Kept(correct, cost, document["parameters"], streams)


def measure(
    folder: Path, learner: str, fault: str, seeds: Sequence[int], name: str = tier.FAST
) -> None:
    """Train `learner` with the `seeds` that are not kept yet; each is kept as it is done.

    Args:
      folder: of what is kept of the tier.
      learner: a name.
      fault: a name of `FAULTS`.
      seeds: of the trainings.
      name: of the tier.
    """
    found, cost, _, streams = kept(folder, learner, fault)
    streams = streams or {}
    missing = [seed for seed in seeds if seed not in found]
    if not missing:
        return
    with FAULTS[fault].planted():
        plan = tier.plan_of(learner, name)
        brief, began = Brief(plan, timed=fault == "none"), time.process_time()
        if plan.learner.training is None and plan.source is None:
            missing = missing[:1]  # every seed is the same
        for number, seed in enumerate(missing, start=1):
            run = brief.run(seed)
            found[seed], cost[seed] = list(run.correct), dict(run.cost)
            if run.by_presentation is not None:
                streams[seed] = [list(row) for row in run.by_presentation]
            if number % AT_ONCE == 0 or number == len(missing):
                _write(folder, learner, fault, Kept(found, cost, brief.parameters, streams))
    spent = time.process_time() - began
    mean = sum(map(sum, found.values())) / (
        len(found) * plan.protocol.episodes * plan.shape.queries
    )
    print(
        f"{learner}, fault {fault}: {len(missing)} seeds in {spent:.0f} CPU seconds, "
        f"{len(found)} kept, accuracy {100 * mean:.1f} %",
        flush=True,
    )


def _write(folder: Path, learner: str, fault: str, found: Kept) -> None:
    named = {name: {str(seed): one for seed, one in sorted(getattr(found, name).items())}
             for name in ("correct", "cost", "by_presentation")
             if getattr(found, name)}  # fmt: skip
    text = canonical({"parameters": found.parameters, **named})
    write_text(_path(folder, learner, fault), text)


def _path(folder: Path, learner: str, fault: str) -> Path:
    return folder / f"{learner}-{fault}.json"


def write_document(folder: Path, learner: str, name: str = tier.FAST) -> Path | None:
    """A document of the baseline, from the first seeds that are kept; None if there are none.

    Args:
      folder: of what is kept of the tier.
      learner: a name.
      name: of the tier.
    """
    found = kept(folder, learner)
    seeds = sorted(found.correct)[: tier.TIERS[name].seeds]
    if not seeds:
        return None
    plan = tier.plan_of(learner, name)
    runs = [_run(plan, seed, found) for seed in seeds]
    result = result_of(plan, runs, found.parameters, Brief(plan).digest, tier.command(name))
    path = tier.BASELINE / name / f"{learner}.json"
    write(result, path)
    return path


def _run(plan: Plan, seed: int, found: Kept) -> SeedRun:
    correct, rows = found.correct[seed], (found.by_presentation or {}).get(seed)
    summary = summarise(np.array(correct), plan.shape.queries)
    steps = plan.lengths.steps if plan.learner.training is not None else 0
    return SeedRun(
        seed=seed,
        accuracy=round(summary.mean, 6),
        ci95=round(summary.ci95, 6),
        correct=tuple(correct),
        train_steps=steps,
        best_step=steps,
        cost=found.cost[seed],
        by_presentation=None if rows is None else tuple(map(tuple, rows)),
    )
