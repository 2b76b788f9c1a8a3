"""How long a training is, how often it is validated, and which of its states is tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from metabench.errors import UserError, suggest
from metabench.types import Select

MOST_SEEDS = 10_000  # of one run; each is a training


@dataclass(frozen=True)
class Lengths:
    """How many steps a training has, how often it is validated, and which state is tested.

    Raises `UserError` on numbers that make no sense.
    """

    steps: int = 10_000
    batch: int = 1  # episodes in a step
    validate_every: int = 500  # steps
    validation_episodes: int = 200
    chunk: int = 25  # steps in one compiled call
    select: Select = "best"  # of the validations, or the last step

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "validation_episodes", "chunk"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UserError(f"`{name}` is {value!r}; it must be a whole number of 1 or more")
        if self.select not in ("best", "last"):
            raise UserError(f"`select` is {self.select!r}; it must be one of: best, last")

    def of_training(self) -> dict[str, Any]:
        """The fields on which the training depends: `select` is not among them."""
        return {name: value for name, value in asdict(self).items() if name != "select"}

    def recorded(self) -> dict[str, Any]:
        """The fields that a result holds: `select` only where it is not `best`."""
        return self.of_training() if self.select == "best" else asdict(self)


def lengths_of(values: Mapping[str, Any]) -> Lengths:
    """A `Lengths` from names and values; `UserError` on a name that it does not have."""
    known = tuple(one.name for one in fields(Lengths))
    for name in values:
        if name not in known:
            raise UserError(
                f"a training plan has no `{name}`{suggest(name, known)}; it has: {', '.join(known)}"
            )
    return Lengths(**values)


def check_steps(settings: Mapping[str, Any], lengths: Lengths) -> None:
    """`UserError` on an option `steps`, the length that a schedule is made for, of another length.

    Args:
      settings: of the learner, as somebody asked for them.
      lengths: of its training.
    """
    steps = settings.get("steps", lengths.steps)
    if steps != lengths.steps:
        raise UserError(
            f"`--set steps={steps}` contradicts the training's {lengths.steps:,} steps, which the "
            "learner is told by itself: give `--train steps` alone"
        )


def check_seeds(seed: int, seeds: int = 1) -> None:
    """`UserError` on a seed or a number of seeds that cannot be."""
    for name, value, lowest in (("seed", seed, 0), ("seeds", seeds, 1)):
        if not lowest <= value < 2**30:
            raise UserError(f"`{name}` is {value}; it must be at least {lowest} and below 2^30")
    if seeds > MOST_SEEDS:
        raise UserError(f"`seeds` is {seeds:,}; there may be at most {MOST_SEEDS:,}")
