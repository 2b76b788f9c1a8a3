"""Numbers and ranges of numbers, as they are typed."""

import pytest

from metabench.errors import UserError
from metabench.tasks.ranges import parsed, written


@pytest.mark.parametrize(
    ("typed", "mean", "spread"),
    [(5, 5, 0), ("5", 5, 0), ("1-5", 3, 2), ("5-15", 10, 5), ("2-4", 3, 1), ("3-3", 3, 0)],
)
def test_a_number_or_its_two_ends(typed, mean, spread):
    assert parsed("shot", typed) == (mean, spread)
    assert parsed("shot", written(mean, spread)) == (mean, spread)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("some", "a whole number such as 5, or two with a hyphen"),
        ("1-", "a whole number such as 5, or two with a hyphen"),
        ("1.5", "a whole number such as 5, or two with a hyphen"),
        (True, "a whole number such as 5, or two with a hyphen"),
        ("", "a whole number such as 5, or two with a hyphen"),
        (0, "at least 1"),
        (-3, "at least 1"),
        ("0-4", "at least 1"),
        ("5-1", "the smaller number must come first: 1-5"),
        ("1-4", "take 1-3 or 1-5"),
        ("1-2", "take 1 or 1-3"),
    ],
)
def test_what_is_neither_is_refused(typed, why):
    with pytest.raises(UserError, match=f"^`query` is .*{why}"):
        parsed("query", typed)
