"""From a learner to an entry: checks, trainings, tests, canaries, and the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from metabench import registry
from metabench.conformance import examine_learner
from metabench.conformance.check import Outcome
from metabench.entries import folder as folders
from metabench.entries.source import source_of
from metabench.errors import UserError
from metabench.files.canonical import canonical
from metabench.registry import AnyLearner
from metabench.results import document, environment
from metabench.results.looks import Look, to_json
from metabench.results.result import Result
from metabench.tracks.fewshot.looking import can_be_looked_at, looked
from metabench.tracks.fewshot.request import (
    Asked,
    Places,
    Request,
    as_command,
    asked_again,
    plan_of,
)
from metabench.tracks.fewshot.run import execute
from metabench.training.states import packed
from metabench.training.watcher import Watcher, always_resuming
from metabench.types import Protocol, PyTree


@dataclass(frozen=True)
class Submission:
    """What is submitted, and under which protocols."""

    learner: AnyLearner
    protocols: Sequence[Protocol]
    claims: Mapping[str, Any]
    settings: Mapping[str, Any]
    train: Mapping[str, Any]
    recipe: str | None = None
    seed: int = 0
    seeds: int = 1
    train_once: bool = False
    """Whether the training for the first protocol of each dataset serves the others."""
    places: Places = field(default_factory=Places)

    def requests(self) -> list[Request]:
        """A run for each protocol."""
        first: dict[tuple[str | None, ...], str] = {}
        found = []
        for protocol in self.protocols:
            met = (protocol.dataset, protocol.split, protocol.trained_on)
            earlier = first.setdefault(met, protocol.id)
            again = earlier if self.train_once and earlier != protocol.id else None
            found.append(self._request(protocol, again))
        return found

    def _request(self, protocol: Protocol, trained_for: str | None) -> Request:
        return Request(
            self.learner,
            Asked(**asked_again(protocol)),
            self.settings,
            {} if trained_for else self.train,
            self.recipe,
            self.seed,
            self.seeds,
            trained_for,
            self.places,
        )


class Run(NamedTuple):
    """A run of a submission: its result and the states that were tested."""

    result: Result
    states: dict[int, bytes]  # by seed
    looks: tuple[Look, ...]  # of the first seed; none of streams


def checked(submission: Submission) -> list[Outcome]:
    """What conformance says of the learner; `UserError` if it fails a check."""
    found = examine_learner(submission.learner, settings=submission.settings or None)
    failed = [one for one in found if one.status == "failed"]
    if failed:
        name, names = registry.learner(submission.learner).name, [one.check for one in failed]
        raise UserError(
            f"learner `{name}` fails {len(failed)} of {len(found)} checks ({', '.join(names)}). "
            f"{names[0]}: {failed[0].said}. `metabench check` says what is wrong with each"
        )
    return found


def run(
    request: Request,
    claims: Mapping[str, Any],
    watcher: Watcher,
) -> Run:
    """Train and test under one protocol, continuing an earlier training of the same settings."""
    plan, states = plan_of(request), dict[int, PyTree]()
    keeping = replace(
        always_resuming(watcher), tested=lambda seed, state: states.update({seed: state})
    )
    command = as_command(request)
    result = execute(plan, resume=True, command=command, watcher=keeping, canaries=True)
    seen = looked(plan, states[plan.seeds[0]]) if can_be_looked_at(plan) else []
    return Run(
        replace(result, claims=dict(claims)),
        {seed: packed(state) for seed, state in states.items()},
        tuple(seen),
    )


def submit(
    submission: Submission,
    folder: Path,
    *,
    command: str,
    replaces: bool = False,
    say: Callable[[str], None] = lambda text: None,
    watcher: Watcher = Watcher(),
) -> folders.Entry:
    """Check, train and test a learner, and write the entry, whole or not at all.

    Args:
      submission: what is submitted.
      folder: of the entry.
      command: the command line, for `entry.json`.
      replaces: an entry that is there is replaced.
      say: told what is done next.
      watcher: told of the progress of each run.

    Raises:
      UserError: a check fails, a run is impossible, or the folder cannot be written.
    """
    folders.check_free(folder, replaces)
    source = source_of(registry.learner(submission.learner))
    requests = submission.requests()
    say(f"checks of {source.about['name']}")
    outcomes = checked(submission)
    content = {**source.files, folders.CHECKS: _of_checks(outcomes)}
    for number, request in enumerate(requests, start=1):
        say(f"protocol {number} of {len(requests)}: {submission.protocols[number - 1].id}")
        content |= _files(run(request, submission.claims, watcher))
    about = {
        "learner": source.about,
        "claims": dict(submission.claims),
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": environment.describe(),
    }
    folders.write(folder, about, content, replace=replaces)
    return folders.read(folder)


def _files(one: Run) -> dict[str, bytes]:
    place = document.default_path(one.result, Path(folders.RESULTS)).as_posix()
    protocol = one.result.protocol.id
    states = {folders.state_place(protocol, seed): state for seed, state in one.states.items()}
    seen = {folders.looks_place(place): to_json(one.result, one.looks).encode()}
    return {place: document.to_json(one.result).encode(), **states, **(seen if one.looks else {})}


def _of_checks(outcomes: Sequence[Outcome]) -> bytes:
    """Each check by its name: `passed`, or why it was skipped."""
    said = {one.check: one.said if one.status == "skipped" else one.status for one in outcomes}
    return canonical(said).encode()
