"""What numbers an option takes; `options.py` checks them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AtLeast:
    """A number of `least` or more."""

    least: float

    def allows(self, value: float) -> bool:
        """Whether `value` is large enough."""
        return value >= self.least

    def __str__(self) -> str:
        return f"at least {self.least}"


@dataclass(frozen=True)
class Between:
    """A number above `least` and below `most`."""

    least: float
    most: float

    def allows(self, value: float) -> bool:
        """Whether `value` lies within."""
        return self.least < value < self.most

    def __str__(self) -> str:
        return f"between {self.least} and {self.most}"


@dataclass(frozen=True)
class FromTo:
    """A number from `least` to `most`, both included."""

    least: float
    most: float

    def allows(self, value: float) -> bool:
        """Whether `value` lies within."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"from {self.least} to {self.most}"


class _Positive:
    """A number above 0."""

    def allows(self, value: float) -> bool:
        return value > 0

    def __str__(self) -> str:
        return "positive"


POSITIVE = _Positive()
