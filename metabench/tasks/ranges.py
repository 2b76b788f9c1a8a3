"""How many images a class has, as it is typed: `5`, or `1-5` for numbers between two ends."""

from __future__ import annotations

import re

from metabench.errors import UserError


def parsed(name: str, typed: int | str) -> tuple[int, int]:
    """The mean of the ends, and half their distance: 5 and 0 of `5`, 3 and 2 of `1-5`.

    Raises:
      UserError: it is called `name` and is neither, an end is below 1, or the mean is no whole
        number, so that an episode of any way had no fixed total.
    """
    found = re.fullmatch(r"(-?\d{1,9})(?:-(\d{1,9}))?", str(typed))
    if found is None or isinstance(typed, bool):
        raise UserError(
            f"`{name}` is {typed!r}; it must be a whole number such as 5, or two with a hyphen "
            "such as 1-5"
        )
    low = int(found[1])
    high = int(found[2] or low)
    if low < 1:
        raise UserError(f"`{name}` is {typed}; it must be at least 1")
    if high < low:
        raise UserError(f"`{name}` is {typed}; the smaller number must come first: {high}-{low}")
    if (high - low) % 2:
        nearest = f"{low}-{high - 1}" if high - 1 > low else f"{low}"
        raise UserError(
            f"`{name}` is {typed}; its ends must be both even or both odd, so that the mean is a "
            f"whole number: take {nearest} or {low}-{high + 1}"
        )
    return (low + high) // 2, (high - low) // 2


def written(mean: int, spread: int) -> int | str:
    """What `parsed` reads: a number, or two ends."""
    return f"{mean - spread}-{mean + spread}" if spread else mean
