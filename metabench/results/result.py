"""One result: everything that a leaderboard row depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from metabench.optional import imported
from metabench.types import Protocol

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Curve:
    """The validations of one training, thinned to a few dozen: three columns of equal length."""

    step: tuple[int, ...]  # after how many steps
    validation: tuple[float | None, ...]  # accuracy on the validation classes; None: no number
    loss: tuple[float, ...]  # of training, the mean over the steps since the row before


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
    """Online protocol: right answers at the 1st, 2nd, … presentation, in each episode. If classes
    are drawn independently, the last number is that of all later presentations."""
    nan_episodes: int | None = None
    """Episodes in which a score was no number (NaN): such queries count as wrong. None where
    there is no such episode."""
    alike_answers: bool | None = None
    """True where in every episode all queries got the same answer; else None."""
    high_loss: float | None = None
    """The mean training loss before the step that was tested, where it is far above that of
    guessing; else None."""
    curve: Curve | None = None
    """How validation and loss went; None where nothing was trained, and in older files."""


@dataclass(frozen=True)
class Result:
    """Everything that a leaderboard row depends on."""

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
    training_split_digest: str | None = None
    """Of the split of meta-training, where that is of another dataset; older files lack it."""
    presented: tuple[tuple[int, ...], ...] | None = None
    """Online protocol with classes drawn independently: images, as `by_presentation`."""
    learner_digest: str | None = None  # sha256 of the file of a learner that no package registers
    claims: Mapping[str, Any] | None = None
    """What the submitter says and nothing here measures: authors, paper, extra data, licence."""
    canaries: tuple[Mapping[str, Any], ...] | None = None
    """What came of checks with known answers, such as shuffled labels; None: not measured."""
    signatures: tuple[Mapping[str, Any], ...] | None = None
    """Who has replayed or retrained it, when and where; see `status.py`."""

    @property
    def trained(self) -> bool:
        """Whether training data played a part: the learner or what it builds on was trained."""
        return "source" in self.recipe or any(run.train_steps > 0 for run in self.runs)

    @property
    def accuracy(self) -> float:
        """Mean over episodes and seeds, in [0, 1]."""
        return float(self.per_episode().mean())

    def per_episode(self) -> np.ndarray:
        """Accuracy of each seed in each test episode: float64 [seeds, episodes], in [0, 1]."""
        queries = self.protocol.way * self.protocol.query
        return np.array([run.correct for run in self.runs], np.float64) / queries

    def to_frame(self) -> DataFrame:
        """A row for each seed and episode, for pandas: learner, protocol, seed, episode, accuracy.

        Raises:
          UserError: pandas is not installed.
        """
        pandas = imported("pandas")
        accuracy = self.per_episode()
        seeds, episodes = accuracy.shape
        return pandas.DataFrame(
            {
                "learner": self.learner,
                "protocol": self.protocol.id,
                "seed": np.repeat([run.seed for run in self.runs], episodes),
                "episode": np.tile(np.arange(episodes), seeds),
                "accuracy": accuracy.ravel(),
            }
        )
