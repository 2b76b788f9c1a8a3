"""The meta-trainings of a run: one seed after another, or all of them together in one program.

What a learner builds on is trained before it, in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from metabench.compute.memory import out_of_memory
from metabench.contracts.learner import foundation_of, train_shape
from metabench.tracks.fewshot.plan import Plan
from metabench.training.checkpoints import opened, steps_in
from metabench.training.loop import Trained
from metabench.training.meta_training import (
    Programs,
    accuracy_on,
    initial_state,
    meta_train_seeds,
    programs,
    trained_before,
)
from metabench.training.start import Start, start_from
from metabench.training.together import ApartError, together
from metabench.training.watcher import Watcher
from metabench.types import ClassTable, PyTree


class Prepared(NamedTuple):
    """What is tested, and what happened before its meta-training."""

    trained: Trained
    cost: dict[str, float]  # seconds, by name


class Trainings:
    """The trainings of one plan, which share what is compiled."""

    def __init__(self, plan: Plan, resume: bool, watcher: Watcher, together: bool = False) -> None:
        """Nothing is trained yet.

        Args:
          plan: from `plan_run`.
          resume: continue from checkpoints of the same settings.
          watcher: told of progress.
          together: train all seeds in one program, where that is possible.
        """
        self._plan, self._watcher, self._together = plan, watcher, together
        self._resumes: Callable[[Path], bool] = lambda folder: resume
        self._shape = train_shape(plan.learner, plan.shape)
        self._programs: Programs | None = None

    def each(self) -> Iterator[tuple[int, Prepared]]:
        """Every seed of the plan with its outcome; those that are not together one at a time."""
        seeds = self._plan.seeds
        if self._together and len(seeds) > 1:
            try:
                found = self.prepared(seeds)
            except ApartError as error:
                self._watcher.note(f"The seeds are trained one after another: {error}.")
            else:
                yield from zip(seeds, found, strict=True)
                return
        for seed in seeds:
            yield seed, self.prepared((seed,))[0]

    def prepared(self, seeds: Sequence[int]) -> list[Prepared]:
        """The outcomes of `seeds`, trained together if there are several.

        Raises:
          ApartError: they cannot be trained together; each of them can be by itself.
          UserError: a training diverged, or its checkpoints cannot be used.
        """
        plan = self._plan
        if plan.tested_training is not None:
            return [Prepared(self._before(seed), {}) for seed in seeds]
        begun = self._starts(seeds)
        states = [initial_state(plan.trainee, seed) for seed in seeds]
        starts = [start for start, _ in begun]
        states = [
            state if start is None else start.state(state)
            for state, start in zip(states, starts, strict=True)
        ]
        if plan.learner.training is None:
            if self._resumes(plan.folder):
                self._watcher.note(
                    f"`--resume` continues nothing: {plan.entry.name} is not meta-trained."
                )
            found = [Trained(state, state) for state in states]
        else:
            found = self._trained(seeds, states, _one_table(starts))
        costs = [cost for _, cost in begun]
        return [Prepared(one, cost) for one, cost in zip(found, costs, strict=True)]

    def _before(self, seed: int) -> Trained:
        """The outcome of an earlier training."""
        plan = self._plan
        return trained_before(plan.trainee, plan.lengths, plan.folder / f"seed{seed}", seed=seed)

    def _trained(
        self, seeds: Sequence[int], states: Sequence[PyTree], table: ClassTable
    ) -> list[Trained]:
        """The meta-trainings of `seeds` from their first states, or from their checkpoints."""
        plan = self._plan
        compiled = self._compiled(states, table)
        with ExitStack() as stack:
            checkpoints = [
                stack.enter_context(opened(folder, self._resumes(folder), self._watcher.note))
                for folder in (plan.folder / f"seed{seed}" for seed in seeds)
            ]
            try:
                found = meta_train_seeds(
                    compiled,
                    states,
                    table,
                    self._validate,
                    plan.lengths,
                    seeds=seeds,
                    checkpoints=checkpoints,
                    progress=self._watcher.training,
                )
            except Exception as error:  # XLA's own kind has no public name
                if len(seeds) < 2 or not out_of_memory(error):
                    raise
                self._resumes = _begun_in
                raise ApartError("memory ran out") from error
        for seed, one in zip(seeds, found, strict=True):
            self._watcher.trained(seed, one)
        return found

    def _compiled(self, states: Sequence[PyTree], table: ClassTable) -> Programs:
        """The programs of one seed, compiled for the first; or those of several."""
        plan = self._plan
        what = (plan.trainee, self._shape, plan.lengths.batch, table)
        if len(states) > 1:
            return together(*what, states, min(plan.lengths.chunk, plan.lengths.steps))
        if self._programs is None:
            self._programs = programs(*what)
        return self._programs

    @cached_property
    def _validate(self) -> Callable[[PyTree], float]:
        plan = self._plan
        number = plan.lengths.validation_episodes
        return accuracy_on(plan.trainee, plan.tables["val"], plan.shape, number)

    def _starts(self, seeds: Sequence[int]) -> list[tuple[Start | None, dict[str, float]]]:
        """Train the sources, and see where meta-training starts; seconds of both, by name."""
        plan, table = self._plan, self._plan.tables.get("train")
        if table is None:
            return [(None, {}) for _ in seeds]
        foundation, shape = foundation_of(plan.learner), self._shape
        relabels = foundation is not None and foundation.relabel is not None
        if relabels and len(seeds) > 1:
            raise ApartError("each seed has constructed classes of its own")
        found = list[tuple[Start | None, dict[str, float]]]()
        for seed, (state, cost) in zip(seeds, self._sources(seeds), strict=True):
            if relabels:
                number = len(table.images)
                self._watcher.note(f"seed {seed}: constructing classes from {number:,} images")
            began = time.monotonic()
            start = start_from(foundation, state, table, shape, seed)
            if relabels:
                cost["relabel_seconds"] = round(time.monotonic() - began, 1)
            found.append((start, cost))
        return found

    def _sources(self, seeds: Sequence[int]) -> list[tuple[PyTree, dict[str, float]]]:
        """The states that are built on, with what they cost; None where there are none."""
        below = self._plan.source
        if below is None:
            return [(None, {}) for _ in seeds]
        for seed in seeds:
            self._watcher.note(f"seed {seed}: first {below.entry.name}, on which it builds")
        found = []
        for one, _ in self._below.prepared(seeds):
            cost = {"source_seconds": round(one.seconds, 1), **one.operations("source_flops")}
            found.append((one.selected(below.lengths.select).state, cost))
        return found

    @cached_property
    def _below(self) -> Trainings:
        """The trainings of what is built on; those that were begun are continued unasked."""
        assert self._plan.source is not None
        quiet = Watcher(training=self._watcher.training, note=self._watcher.note)
        found = Trainings(self._plan.source, False, quiet)
        found._resumes = _begun_in
        return found


def _begun_in(folder: Path) -> bool:
    """Whether a training was begun in a folder: it is then continued unasked."""
    return bool(steps_in(folder))


def _one_table(starts: Sequence[Start | None]) -> ClassTable:
    """The classes that all of these trainings draw from."""
    assert starts[0] is not None, "a plan has a table to train on"
    return starts[0].table
