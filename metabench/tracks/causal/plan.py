"""What is measured and how: everything that can be wrong with it is refused here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from metabench.errors import UserError
from metabench.tracks.causal.worlds import Change, check_change
from metabench.training.lengths import check_seeds

VERSION = 1  # of the protocols: how worlds are drawn
MOST_CATEGORIES = 1000  # tables have as many squared


@dataclass(frozen=True)
class DirectionPlan:
    """Two discrete variables. The rates and lengths are those of the authors' code.

    Args:
      categories: values of each variable.
      change: what a transfer distribution changes.
      seeds: one training distribution each.
      episodes: steps of γ.
      batch: examples in a step of adaptation.
      steps: of adaptation in an episode.
      rate: of adaptation, by gradient descent.
      meta_rate: of RMSprop on γ.
      curve_transfers: transfer distributions of each seed for the curves of adaptation.
      curve_batch: examples in a step of these.
      curve_steps: of adaptation.
      curve_rate: of adaptation.
    """

    categories: int = 10
    change: Change = "cause"
    seeds: tuple[int, ...] = tuple(range(20))
    episodes: int = 1000
    batch: int = 10
    steps: int = 2
    rate: float = 0.1
    meta_rate: float = 0.01
    curve_transfers: int = 20
    curve_batch: int = 10
    curve_steps: int = 50
    curve_rate: float = 1.0

    @property
    def protocol(self) -> str:
        """For example `causal-10categories-v1`."""
        control = "" if self.change == "cause" else f"-{self.change}"
        return f"causal-{self.categories}categories{control}-v{VERSION}"

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """All but the world and the seeds."""
        left_out = ("seeds", "categories", "change")
        return {name: value for name, value in asdict(self).items() if name not in left_out}


def direction_plan(categories: int, change: str, seeds: int, episodes: int) -> DirectionPlan:
    """A plan with the usual rates; `UserError` on what cannot be measured.

    Args:
      categories: values of each variable.
      change: what a transfer distribution changes.
      seeds: how many, from 0.
      episodes: steps of γ.
    """
    if not 2 <= categories <= MOST_CATEGORIES:
        raise UserError(f"`categories` is {categories}; it must be from 2 to {MOST_CATEGORIES:,}")
    _check_counts(seeds, episodes)
    return DirectionPlan(categories, check_change(change), tuple(range(seeds)), episodes)


def _check_counts(seeds: int, episodes: int) -> None:
    if seeds < 2:
        raise UserError(f"`seeds` is {seeds}; it must be at least 2, for an interval")
    check_seeds(seeds - 1)
    if episodes < 1:
        raise UserError(f"`episodes` is {episodes}; it must be at least 1")


@dataclass(frozen=True)
class RotationPlan:
    """Two numbers of which a rotation is observed.

    Args:
      seeds: one curve from cause to effect each.
      episodes: steps of the angle and of γ.
      samples: examples in every batch.
      transfers: distributions in an episode, whose regrets are averaged.
      train_steps: of Adam on the training distribution in an episode.
      rate: of these.
      adapt_steps: of Adam on the transfer distribution.
      adapt_rate: of these.
      meta_rate: of Adam on the angle and on γ; it falls to 0 along a cosine.
      hidden: units of the conditional models.
      components: Gaussians of every mixture.
      em: rounds of EM in the fit of a marginal.
    """

    seeds: tuple[int, ...] = tuple(range(8))
    episodes: int = 300
    samples: int = 200
    transfers: int = 4
    train_steps: int = 10
    rate: float = 0.01
    adapt_steps: int = 5
    adapt_rate: float = 0.001
    meta_rate: float = 0.02
    hidden: int = 32
    components: int = 10
    em: int = 15

    @property
    def protocol(self) -> str:
        """The id of the protocol."""
        return f"causal-rotation-v{VERSION}"

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """All but the seeds."""
        return {name: value for name, value in asdict(self).items() if name != "seeds"}


def rotation_plan(seeds: int, episodes: int) -> RotationPlan:
    """A plan with the usual rates; `UserError` on what cannot be measured."""
    _check_counts(seeds, episodes)
    return RotationPlan(tuple(range(seeds)), episodes)
