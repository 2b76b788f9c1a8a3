"""Searches by optuna: one study for each learner and protocol, its trials one after another.

A study lies in a file below the folder of checkpoints, so a search goes on where it was. What is
maximised is the mean accuracy on validation classes. The trials of a study follow each other, and
the sampler's seed is that of the search and the trial's number: the same search asks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.files.canonical import fingerprint
from metabench.files.progress import say
from metabench.optional import imported
from metabench.sweeps.cells import Cell, cell_of, requests_of, typed
from metabench.sweeps.files import result_of
from metabench.sweeps.grid import Grid
from metabench.sweeps.search import Ranges, Search, Span, ends
from metabench.sweeps.summary import validation_of
from metabench.tracks.fewshot.request import Places, Request

FOLDER = "optuna"  # below that of checkpoints


class Pointer(NamedTuple):
    """A trial, for the process that runs it."""

    file: str  # of the study
    study: str
    number: int


@dataclass(frozen=True)
class Plan:
    """One study before it begins."""

    request: Request  # but for what is searched
    ranges: Ranges
    search: Search
    seeds: tuple[int, ...]
    out: Path
    example: Cell  # with settings from the ends of the ranges

    @property
    def name(self) -> str:
        """Of the study: another search has another one."""
        spans = {
            name: one.__dict__ if isinstance(one, Span) else list(one)
            for name, one in self.ranges.items()
        }
        settings = [dict(self.request.settings), dict(self.request.train), self.request.recipe]
        rest = [self.search.seed, self.search.prune, list(self.seeds), self.example.dataset_digest]
        return f"{self.example.learner}-{fingerprint([settings, spans, rest])}"

    @property
    def file(self) -> Path:
        """Where the study lies."""
        folder = self.request.places.run_dir / FOLDER / self.example.protocol.id
        return folder / f"{self.name}.log"

    def cell(self, settings: Mapping[str, Any]) -> Cell:
        """That of a trial."""
        return cell_of(
            replace(self.request, settings={**self.request.settings, **settings}),
            self.seeds,
            self.out,
        )


def plans_of(grid: Grid, out: Path, places: Places) -> list[Plan]:
    """The studies that a grid asks for, each checked at the ends of its ranges.

    Raises:
      UserError: a value that the learner does not admit, or optuna is not installed.
    """
    if grid.search is None or grid.search.method != "optuna":
        return []
    imported("optuna")
    found = []
    for name, request in requests_of(grid, places, tuple(grid.search.ranges)):
        search = typed(grid.search, name)
        tried = [
            cell_of(replace(request, settings={**request.settings, **one}), grid.seeds, out)
            for one in ends(search.ranges[name])
        ]
        if not tried[0].steps:
            raise UserError(
                f"`search.{name}` is searched by optuna, which needs validation, but this learner "
                'is not meta-trained; use method "grid" and compare for yourself'
            )
        found.append(Plan(request, search.ranges[name], search, grid.seeds, out, tried[0]))
    return found


class Study:
    """A study at work; hold its lock (`opened`)."""

    def __init__(self, plan: Plan) -> None:
        """Open the file of the study, or begin it."""
        optuna = imported("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.plan, self._optuna = plan, optuna
        plan.file.parent.mkdir(parents=True, exist_ok=True)
        self._study = _load(optuna, str(plan.file), plan.name, plan.search.prune, create=True)
        self._trial: Any = None
        self.cells: list[Cell] = []

    def ask(self) -> Cell | None:
        """The cell of the next trial, or of one that was interrupted; None after the last one."""
        optuna, study = self._optuna, self._study
        running = [one for one in study.trials if one.state == optuna.trial.TrialState.RUNNING]
        if running:
            self._trial = optuna.trial.Trial(study, running[0]._trial_id)
        elif len(study.trials) < self.plan.search.trials:
            seed = self.plan.search.seed + len(study.trials)
            study.sampler = optuna.samplers.TPESampler(seed=seed)
            self._trial = study.ask()
        else:
            return None
        return self.plan.cell(_suggested(self._trial, self.plan.ranges))

    def pointer(self) -> Pointer:
        """The present trial."""
        return Pointer(str(self.plan.file.resolve()), self.plan.name, self._trial.number)

    def tell(self, cell: Cell, pruned: bool) -> None:
        """What came of the present trial."""
        states, result = self._optuna.trial.TrialState, result_of(cell)
        value = None if result is None else validation_of(result)
        if value is not None:
            self._study.tell(self._trial, value)
        else:
            self._study.tell(self._trial, state=states.PRUNED if pruned else states.FAIL)

    def told(self) -> Iterator[Cell]:
        """The cells of all trials, the first one first."""
        for one in self._study.trials:
            trial = self._optuna.trial.FixedTrial(one.params)
            yield self.plan.cell(_suggested(trial, self.plan.ranges))


def _load(optuna: Any, file: str, name: str, prune: bool, create: bool = False) -> Any:
    journal = optuna.storages.journal
    storage = optuna.storages.JournalStorage(journal.JournalFileBackend(file))
    pruner = optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner()
    if not create:
        return optuna.load_study(study_name=name, storage=storage, pruner=pruner)
    return optuna.create_study(
        study_name=name, storage=storage, pruner=pruner, direction="maximize", load_if_exists=True
    )


def _suggested(trial: Any, ranges: Ranges) -> dict[str, Any]:
    """The settings of a trial."""
    found: dict[str, Any] = {}
    for name, one in ranges.items():
        if not isinstance(one, Span):
            found[name] = one[trial.suggest_categorical(name, list(range(len(one))))]
        elif one.whole:
            found[name] = trial.suggest_int(name, int(one.low), int(one.high), log=one.log)
        else:
            found[name] = one.bounded(trial.suggest_float(name, one.low, one.high, log=one.log))
    return found


def reporter(pointer: Sequence[Any], every: int) -> Callable[[int, float | None], None]:
    """A function that reports validations of the trial, and raises where it is to be pruned.

    Args:
      pointer: from `Study.pointer`.
      every: steps between two validations.

    Returns:
      `report(step, accuracy of the last validation)`, which raises `PrunedError`.
    """
    optuna = imported("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file, name, number = pointer
    study = _load(optuna, file, name, prune=True)
    trial = optuna.trial.Trial(study, study.trials[number]._trial_id)
    met = set(study.trials[number].intermediate_values)

    def report(step: int, accuracy: float | None) -> None:
        validated = (step - 1) // every * every
        if accuracy is None or validated in met:
            return
        met.add(validated)
        trial.report(accuracy, validated)
        if trial.should_prune():
            raise PrunedError

    return report


class PrunedError(Exception):
    """A trial is behind others in validation."""


def locked(plans: Sequence[Plan], stack: ExitStack) -> None:
    """Wait until no other process is at any of these studies, in an order that all keep."""
    from filelock import FileLock, Timeout

    for plan in sorted(plans, key=lambda one: one.file):
        plan.file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(plan.file.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"waiting for another sweep, which searches in {plan.file}")
            lock.acquire()
        stack.callback(lock.release)
