"""A learner under examination: built for each kind of task that it takes, when a check asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from metabench import registry
from metabench.conformance.built import SHAPE, STEPS, Built
from metabench.conformance.check import ConformanceError, Skipped, once
from metabench.contracts.learner import EpisodeLearner, Forecaster, Learner, StreamLearner
from metabench.registry import ABILITIES, AnyLearner
from metabench.types import EpisodeShape, FunctionShape, PyTree, StreamShape, TaskShape
from metabench.unpackaged import LearnerEntry

PRESENTATIONS = 3  # of each class in a stream
FUNCTIONS = FunctionShape(dimensions=2, points=8)
# Settings that make a learner quick, if it has them.
SMALL = {
    "width": 8,
    "steps": STEPS,
    "points": 32,
    "clusters": 60,
    "partitions": 3,
    "base_settings": {"width": 8},
    "embedding_settings": {"code": 32},
}


def small_settings(learner: AnyLearner) -> dict[str, Any]:
    """Settings that make a learner quick, as far as it has the options."""
    return {option: SMALL[option] for option in registry.options(learner) if option in SMALL}


class Subject:
    """A learner under examination.

    It is built for episodes, streams and functions when a check first asks for it, and compiled
    once for all checks.
    """

    def __init__(
        self,
        learner: AnyLearner,
        *,
        shape: EpisodeShape = SHAPE,
        settings: Mapping[str, Any] | None = None,
        sources: dict[str, PyTree] | None = None,
    ) -> None:
        """Nothing is imported or built yet.

        Args:
          learner: a registered name, a factory, or whatever else names a learner.
          shape: of the episodes; streams have its `way` and `image`.
          settings: hyperparameters; None: for a name `small_settings`, else the defaults.
          sources: trained states of what learners build on. Subjects that are handed the same
            dictionary train each source once.
        """
        self.shape, self._learner, self._settings = shape, learner, settings
        self._sources: dict[str, PyTree] = {} if sources is None else sources

    @once
    def entry(self) -> LearnerEntry:
        """The factory, and what it is called."""
        return registry.learner(self._learner)

    @once
    def settings(self) -> Mapping[str, Any]:
        """The options that the learner is built with."""
        if self._settings is not None:
            return self._settings
        return small_settings(self.entry) if isinstance(self._learner, str) else {}

    @once
    def episodes(self) -> Built[EpisodeLearner]:
        """Built for N-way k-shot episodes."""
        self._require_part(EpisodeShape)
        return Built(self.build(self.shape), self.shape, self._sources)

    @once
    def uneven(self) -> Built[EpisodeLearner]:
        """Built for as many images as uneven episodes have: more than one of each class."""
        self._require_part(EpisodeShape)
        shape = replace(self.shape, shot=3, query=5)
        return Built(self.build(shape), shape, self._sources)

    @once
    def streams(self) -> Built[StreamLearner]:
        """Built for the online protocol."""
        self._require_part(StreamShape)
        shape = StreamShape(self.shape.way, PRESENTATIONS, self.shape.image)
        return Built(self.build(shape), shape, self._sources)

    @once
    def functions(self) -> Built[Forecaster]:
        """Built for functions."""
        self._require_part(FunctionShape)
        return Built(self.build(FUNCTIONS), FUNCTIONS, self._sources)

    @property
    def main(self) -> Built[Any]:
        """Built for episodes where it takes them, else for streams, else for functions.

        What is asked of every learner, whatever it answers, is asked of this one.
        """
        if registry.takes(self.entry, EpisodeShape):
            return self.episodes
        if registry.takes(self.entry, StreamShape):
            return self.streams
        if registry.takes(self.entry, FunctionShape):
            return self.functions
        listed = ", ".join(kind.__name__ for kind in ABILITIES)
        raise ConformanceError(
            "the annotation of the factory's first parameter must be a shape, one or more of: "
            f"{listed}; it is none of them"
        )

    def build(self, shape: TaskShape) -> Any:
        """The learner for tasks of `shape`, as `registry.build_learner` builds it."""
        return registry.build_learner(self.entry, shape, self.settings)

    def again(self) -> Built[Any]:
        """`main`, built and compiled afresh."""
        shape = self.main.shape
        learner: Learner = self.build(shape)
        return Built(learner, shape, self._sources)

    def _require_part(self, kind: type) -> None:
        if not registry.takes(self.entry, kind):
            raise Skipped(f"takes no `{kind.__name__}`")
