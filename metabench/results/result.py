"""One result: everything that a leaderboard row rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metabench.types import Protocol


@dataclass(frozen=True)
class SeedRun:
    """One training seed, evaluated on every episode of the protocol."""

    seed: int
    accuracy: float  # mean over episodes, in [0, 1]
    ci95: float  # half-width of the 95 % interval over episodes
    correct: tuple[int, ...]  # correct queries in each episode
    validation_accuracy: float | None = None
    train_steps: int = 0
    best_step: int = 0
    cost: Mapping[str, float] = field(default_factory=dict)
    by_presentation: tuple[tuple[int, ...], ...] | None = None
    """Online protocol: right answers at the 1st, 2nd, … meeting of a class, in each episode."""


@dataclass(frozen=True)
class Result:
    """Everything that a leaderboard row rests on."""

    learner: str
    learner_version: str
    hyperparameters: Mapping[str, Any]
    recipe: Mapping[str, Any]
    parameter_count: int
    transductive: bool
    protocol: Protocol
    dataset_digest: str
    dataset_source: str
    split_digest: str
    episode_digest: str
    runs: tuple[SeedRun, ...]
    environment: Mapping[str, Any]
    command: str
    created: str  # ISO 8601, UTC
    training_digest: str | None = None  # of the dataset of meta-training, where it is another
