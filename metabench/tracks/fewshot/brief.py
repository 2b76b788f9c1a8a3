"""Trainings of one plan with many seeds: compiled once, without checkpoints and validation.

This is for the guard of accuracies (`metabench/guard/`), whose trainings are so short that most of
their time goes into compiling. A seed's counts are those of `run.execute` with the same plan, if
the plan tests the last step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from metabench.compute.devices import copied, here
from metabench.contracts.learner import foundation_of, parameter_count, train_shape
from metabench.errors import UserError
from metabench.results import environment
from metabench.results.result import Result, SeedRun
from metabench.scoring.episodes import adaptation_ms, make_evaluator, tallies
from metabench.tracks.fewshot.plan import Plan
from metabench.tracks.fewshot.run import check_digests, counted, digest_of, result_of
from metabench.training.meta_training import (
    initial_state,
    make_chunk,
    make_settling,
)
from metabench.training.one_state import train_state
from metabench.training.spreading import training_devices
from metabench.training.start import Start, start_from
from metabench.types import PyTree


class Brief:
    """The compiled functions of one plan, for any number of seeds on one device."""

    def __init__(
        self, plan: Plan, sources: dict[str, Brief] | None = None, *, timed: bool = False
    ) -> None:
        """Prepare; nothing is compiled yet.

        Args:
          plan: from `plan_run`; the last step of its training must be what is tested.
          sources: what other plans have built on, which is shared, and added to.
          timed: measure the costs that a document of results must have.

        Raises:
          UserError: `select` of the plan is not `last`, or the data is not what it names.
        """
        if plan.learner.training is not None and plan.lengths.select != "last":
            raise UserError(
                f"`select` is {plan.lengths.select!r} for learner `{plan.entry.name}`; a training "
                "without validation needs `--train select=last`"
            )
        self.plan, self._states = plan, dict[int, PyTree]()
        sources = {} if sources is None else sources
        self._source: Brief | None = None
        self._adaptation: float | None = None  # milliseconds
        if plan.source is not None:
            key = str(plan.source.folder)
            self._source = sources.setdefault(key, Brief(plan.source, sources))
        self.parameters, self._timed = 0, timed

    def check(self) -> None:
        """Raise `UserError` where the test episodes are not those that the protocol names."""
        assert self.digest

    def result(self, seeds: Sequence[int], command: str = "") -> Result:
        """Train and test every seed; UserError where a training diverges."""
        runs = [self.run(seed) for seed in seeds]
        return result_of(self.plan, runs, self.parameters, self.digest, command)

    def run(self, seed: int) -> SeedRun:
        """Train one seed, and test it on every episode of the protocol."""
        plan, began = self.plan, time.monotonic()
        state = self.trained(seed)
        trained, began = time.monotonic() - began, time.monotonic()
        self.parameters = parameter_count(plan.learner, state)
        tally = tallies(
            plan.learner,
            state,
            plan.tables["test"],
            plan.shape,
            seed=plan.protocol.seed,
            episodes=plan.protocol.episodes,
            evaluator=self._evaluator,
        )
        steps = plan.lengths.steps if plan.learner.training is not None else 0
        return SeedRun(
            seed=seed,
            **counted(tally, plan.shape),
            train_steps=steps,
            best_step=steps,
            cost=self._cost(state, steps, trained, time.monotonic() - began) if self._timed else {},
        )

    def _cost(self, state: PyTree, steps: int, trained: float, tested: float) -> dict[str, float]:
        """The costs of one seed, compiling included; one adaptation is timed once for all seeds."""
        plan = self.plan
        if self._adaptation is None:
            self._adaptation = adaptation_ms(plan.learner, state, plan.tables["test"], plan.shape)
        return {
            "train_seconds": round(trained, 1),
            "train_episodes_per_second": round(steps * plan.lengths.batch / trained, 2),
            "test_episodes_per_second": round(plan.protocol.episodes / tested, 2),
            "adaptation_ms": round(self._adaptation, 3),
            "peak_memory_mb": round(environment.peak_memory_mb(), 1),
        }

    def trained(self, seed: int) -> PyTree:
        """The state after training; kept, as others may build on it."""
        if seed not in self._states:
            self._states = {seed: self._trained(seed)}
        return self._states[seed]

    def _trained(self, seed: int) -> PyTree:
        plan, start = self.plan, self._start(seed)
        state = initial_state(plan.trainee, seed)
        if start is not None:
            state = start.state(state)
        if plan.learner.training is None:
            return state
        assert start is not None, "a plan has a table to train on"
        devices = training_devices(plan.trainee, plan.lengths.batch)
        trained = train_state(
            copied(state, devices),
            self._chunk,
            copied(start.table, devices),
            lambda _: 0.0,
            plan.lengths,
            seed=seed,
            settle=self._settling,
        )
        return copied(trained.last, here()[:1])

    def _start(self, seed: int) -> Start | None:
        table = self.plan.tables.get("train")
        if table is None:
            return None
        source = None if self._source is None else self._source.trained(seed)
        drawn = train_shape(self.plan.learner, self.plan.shape)
        return start_from(foundation_of(self.plan.learner), source, table, drawn, seed)

    @cached_property
    def digest(self) -> str:
        """Of the test episodes."""
        digest = digest_of(self.plan)
        check_digests(self.plan, digest)
        return digest

    @cached_property
    def _chunk(self) -> Any:
        plan = self.plan
        return make_chunk(plan.trainee, train_shape(plan.learner, plan.shape), plan.lengths.batch)

    @cached_property
    def _settling(self) -> Any:
        plan = self.plan
        return make_settling(
            plan.trainee, train_shape(plan.learner, plan.shape), plan.lengths.batch
        )

    @cached_property
    def _evaluator(self) -> Any:
        return make_evaluator(self.plan.learner, self.plan.shape)
