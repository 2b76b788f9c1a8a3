"""Which results a leaderboard has. What is left out has no rank, and takes none from others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from metabench.errors import UserError
from metabench.results.costs import parameters_of
from metabench.results.result import Result
from metabench.results.status import STATUSES, status_of


@dataclass(frozen=True)
class Filters:
    """What a result must be. None asks nothing; True asks for a property, False for its absence.

    Raises:
      UserError: `status` is none of the statuses.
    """

    status: str | None = None  # or one that says more: `replayed` takes `retrained` too
    transductive: bool | None = None
    extra_data: bool | None = None  # its claims name data beyond the training classes
    pretrained: bool | None = None  # it builds on another learner, which was trained first
    trained: bool | None = None
    max_parameters: int | None = None  # results that do not say how many are left out

    def __post_init__(self) -> None:
        if self.status is not None and self.status not in STATUSES:
            raise UserError(
                f"`status` is {self.status!r}; it must be one of: {', '.join(STATUSES)}"
            )

    def keep(self, results: Iterable[Result]) -> list[Result]:
        """Those that are as asked, in their order.

        Raises:
          UserError: there were some, and none is left.
        """
        given = list(results)
        kept = [result for result in given if self.take(result)]
        if given and not kept:
            asked = ", ".join(
                f"{name} {value}" for name, value in vars(self).items() if value is not None
            )
            raise UserError(f"none of the {len(given):,} results is as asked ({asked})")
        return kept

    def take(self, result: Result) -> bool:
        """Whether the result is as asked."""
        found = (
            (self.transductive, result.transductive),
            (self.extra_data, bool((result.claims or {}).get("extra_data"))),
            (self.pretrained, "source" in result.recipe),
            (self.trained, result.trained),
        )
        if any(asked not in (None, answer) for asked, answer in found):
            return False
        return self._has_status(result) and self._is_small(result)

    def _has_status(self, result: Result) -> bool:
        statuses: tuple[str, ...] = STATUSES
        least = statuses.index(self.status or statuses[0])
        return statuses.index(status_of(result)) >= least

    def _is_small(self, result: Result) -> bool:
        if self.max_parameters is None:
            return True
        count = parameters_of(result)
        return count is not None and count <= self.max_parameters
