"""How long a training is, and how often it is validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from metabench.errors import UserError, suggest


@dataclass(frozen=True)
class TrainPlan:
    """How long and how often.

    Raises `UserError` on numbers that make no sense.
    """

    steps: int = 10_000
    batch: int = 1  # episodes in a step
    validate_every: int = 500  # steps
    validation_episodes: int = 200
    chunk: int = 25  # steps in one compiled call

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "validation_episodes", "chunk"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UserError(f"`{name}` is {value!r}; it must be a whole number of 1 or more")


def train_plan(values: Mapping[str, Any]) -> TrainPlan:
    """A `TrainPlan` from names and values; `UserError` on a name that it does not have."""
    known = tuple(one.name for one in fields(TrainPlan))
    for name in values:
        if name not in known:
            raise UserError(
                f"a training plan has no `{name}`{suggest(name, known)}; it has: {', '.join(known)}"
            )
    return TrainPlan(**values)
