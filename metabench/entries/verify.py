"""Verification of an entry or of a single result: what was found, and its signature."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from metabench.entries import folder as folders
from metabench.entries import source
from metabench.entries.replay import Finding, StateOf, chosen_tasks, compare, compare_canaries
from metabench.entries.retrain import retrained
from metabench.errors import UserError
from metabench.registry import AnyLearner
from metabench.results import document, environment
from metabench.results.doubts import doubts
from metabench.results.looks import Look
from metabench.results.result import Result
from metabench.results.status import Status, signed
from metabench.scoring.canaries.canary import as_json
from metabench.tracks.fewshot.canaries import canaries
from metabench.tracks.fewshot.looking import can_be_looked_at, looked
from metabench.tracks.fewshot.plan import Plan
from metabench.tracks.fewshot.replan import form_of, planned, state_of
from metabench.tracks.fewshot.request import Places
from metabench.training import states
from metabench.training.watcher import Watcher
from metabench.types import PyTree


@dataclass(frozen=True)
class Wanted:
    """How much is verified."""

    tasks: int | None = 20  # replayed of each result and seed; None: all
    seed: int = 0  # that chooses them
    retrain: bool = False
    canaries: bool = False
    """Whether canaries are measured: compared with those of the result, or added if it has none."""
    looks: bool = False  # test episodes with the answers are kept, to look at
    trust: bool = False  # the code of somebody else's learner may be run
    places: Places = field(default_factory=Places)
    watcher: Watcher = field(default_factory=Watcher)


class Verified(NamedTuple):
    """What came of one result."""

    place: str
    result: Result  # with canaries, where some were added
    findings: list[Finding]
    tasks: int  # that were replayed of each seed
    looks: Sequence[Look] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the result."""
        return all(one.holds for one in self.findings)


def check_entry(entry: folders.Entry, wanted: Wanted) -> list[str]:
    """What is wrong with an entry's files; nothing of it has been run then.

    Raises:
      UserError: its learner is somebody else's, and `wanted.trust` is not given; or what is
        installed here is another one.
    """
    found = list(folders.damage(entry))
    if found:
        return found
    about = entry.about["learner"]
    for sentence in source.unlike_installed(about):
        raise UserError(f"the entry {entry.folder} {sentence}")
    if not (wanted.trust or source.is_ours(about)):
        raise UserError(
            f"a replay runs the code of learner `{about['name']}` ({source.home_of(about)}), which "
            "is not metabench's: read it, and allow it with `--trust`"
        )
    return []


def verify_entry(entry: folders.Entry, wanted: Wanted) -> Iterator[Verified]:
    """Every result of an entry, held against the states in it. Call `check_entry` first."""
    learner = source.reference_of(entry.about["learner"], entry.folder)
    for place, result in entry.results.items():
        protocol = result.protocol.id

        def stored(plan: Plan, seed: int, protocol: str = protocol) -> PyTree:
            file = entry.folder / folders.state_place(protocol, seed)
            return states.read(file, form_of(plan, seed))

        yield _as_it_is(result, _verified(place, result, stored, learner, wanted))


def _as_it_is(result: Result, found: Verified) -> Verified:
    """Canaries that an entry has not are told, but not added: nothing in it is changed."""
    if found.result == result:
        return found
    failed = [one["name"] for one in found.result.canaries or () if one["holds"] is False]
    said = f"the entry has none; here fail: {', '.join(failed) or 'none'}"
    findings = [*found.findings, Finding("canaries", not failed, said)]
    return found._replace(result=result, findings=findings)


def verify_result(path: Path, wanted: Wanted, learner: AnyLearner | None = None) -> Verified:
    """One result file, held against the checkpoints in `wanted.places`.

    Args:
      path: of the result.
      wanted: how much is verified.
      learner: where no package registers it.
    """
    result = document.read(path)
    found = [Finding("the document", False, doubt) for doubt in doubts(result, path.parent.name)]
    if found:
        return Verified(str(path), result, found, 0)
    return _verified(str(path), result, state_of, learner, wanted)


def _verified(
    place: str, result: Result, stored: StateOf, learner: AnyLearner | None, wanted: Wanted
) -> Verified:
    tasks = chosen_tasks(result.protocol.episodes, wanted.tasks, wanted.seed)
    plan = planned(result, learner, wanted.places)
    kept = functools.cache(lambda seed: stored(plan, seed))
    findings = list(compare(result, plan, lambda _, seed: kept(seed), tasks))
    if wanted.canaries:
        found = tuple(as_json(canaries(plan, kept(plan.seeds[0]))))
        if result.canaries is None:
            result = replace(result, canaries=found)
        else:
            findings.append(compare_canaries(result, found))
    seen = looked(plan, kept(plan.seeds[0])) if wanted.looks and can_be_looked_at(plan) else ()
    if wanted.retrain and all(one.holds for one in findings):
        findings.append(retrained(result, learner, wanted.places, wanted.watcher))
    return Verified(place, result, findings, len(tasks), seen)


def signed_by(verified: Verified, who: str | None, retrain: bool) -> Result:
    """The result with a signature on what was verified; None: nobody signs it."""
    if who is None:
        return verified.result
    described = environment.describe()
    status: Status = "retrained" if retrain else "replayed"
    return signed(
        verified.result,
        status,
        who=who,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        where=f"{described['platform']}, {described['device']['kind']}",
        tasks=verified.tasks,
    )
