"""Measure the gate: `python -m benchmarks.gate [--seeds 60] [--learner NAME] [--write] [--rates]`.

`--tier NAME` makes the documents of another tier than the fast one; faults and rates are of the
fast one alone.

It trains every learner of the fast tier with the seeds that are not kept yet in `runs/gate/`, then
the learners with planted faults, and prints both rates from what is kept; a command that was
stopped goes on. `--rates` trains nothing. `--write` writes the baseline's documents from the first
seeds. With 60 seeds of 27 learners it takes about an hour on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.gate import measure, tier
from benchmarks.gate.faults import FAULTS
from benchmarks.gate.rates import Rate, repetition
from metabench.guard.verdicts import MORE
from metabench.results.result import Result

FRESH = 1 + MORE[0]  # seeds that a rate needs beyond those of a document


def main() -> None:
    """Train what is missing, and print the rates."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--tier", choices=tier.TIERS, default=tier.FAST, help="of the baseline")
    parser.add_argument("--seeds", type=int, help="of each learner; 60 if not given, or of another "
                        "tier as many as its documents have")  # fmt: skip
    parser.add_argument("--faulty", type=int, default=12, help="seeds with each fault")
    parser.add_argument("--learner", action="append", help="only this one; may be repeated")
    parser.add_argument("--repetitions", type=int, default=2000, help="of the whole gate")
    parser.add_argument("--folder", type=Path, default=measure.FOLDER, help="of kept counts")
    parser.add_argument("--rates", action="store_true", help="train nothing")
    parser.add_argument("--write", action="store_true", help="write the baseline's documents")
    given = parser.parse_args()
    chosen, fast = tuple(given.learner or tier.learners(given.tier)), given.tier == tier.FAST
    folder = given.folder if fast else given.folder / given.tier
    if not given.rates:
        _keep_programs()
        _train(given, chosen) if fast else _train_briefly(given, chosen, folder)
    if given.write:
        for learner in chosen:
            path = measure.write_document(folder, learner, given.tier)
            print(f"{learner}: {path or 'no seed is kept'}")
    if fast:
        _print_rates(folder, given.repetitions)


def _keep_programs() -> None:
    from metabench.cli import programs
    from metabench.guard.measure import compile_quickly

    programs.keep()
    compile_quickly()  # as the gate does


def _train_briefly(given: argparse.Namespace, chosen: tuple[str, ...], folder: Path) -> None:
    """The documents of another tier than the fast one."""
    for learner in chosen:
        seeds = range(given.seeds or tier.TIERS[given.tier].seeds)
        measure.measure(folder, learner, "none", seeds, given.tier)


def _train(given: argparse.Namespace, chosen: tuple[str, ...]) -> None:
    given.seeds = given.seeds or 60
    rounds = sorted({min(tier.SEEDS + FRESH, given.seeds), given.seeds})
    for seeds in rounds:  # a first baseline of all learners before more seeds of any
        for learner in chosen:
            measure.measure(given.folder, learner, "none", range(seeds))
        for name, fault in FAULTS.items():
            for learner in fault.learners:
                if learner in chosen:
                    measure.measure(given.folder, learner, name, range(1000, 1000 + given.faulty))


def _print_rates(folder: Path, repetitions: int) -> None:
    """Both rates, from the learners of which there are seeds enough and a document."""
    from metabench.guard.baseline import documents

    results = {one.learner: one for one in documents(tier.FOLDER).values()}
    counts = {name: np.array(list(measure.kept(folder, name).correct.values())) for name in results}
    enough = {
        name: rows
        for name, rows in counts.items()
        if len(rows) >= tier.SEEDS + FRESH or (len(rows) and not results[name].trained)
    }
    if not enough:
        print("no learner has seeds enough for a rate")
        return
    generator = np.random.default_rng(0)
    least = min(len(rows) for name, rows in enough.items() if results[name].trained)
    print(f"{len(enough)} of {len(results)} learners, {least} seeds or more of each")
    for name, fault in FAULTS.items():
        faulty = {one: np.array(list(measure.kept(folder, one, name).correct.values()))
                  for one in fault.learners}  # fmt: skip
        cases = [{}] if not fault.learners else [{k: v} for k, v in faulty.items() if len(v)]
        for case in cases:
            if not set(case) <= set(enough):
                continue
            alarms = _alarms(results, enough, case, repetitions, generator)
            on = ", ".join(case) or "all learners"
            print(f"{name} ({fault.what}), {on}: alarms in {Rate(alarms, repetitions)}")


def _alarms(
    results: Mapping[str, Result],
    counts: Mapping[str, np.ndarray],
    case: Mapping[str, np.ndarray],
    repetitions: int,
    generator: np.random.Generator,
) -> int:
    """In how many repetitions the gate fails; with a fault, for the learner that has it."""
    found = (repetition(results, counts, case, generator) for _ in range(repetitions))
    return sum(bool(names & set(case)) if case else bool(names) for names in found)


if __name__ == "__main__":
    main()
