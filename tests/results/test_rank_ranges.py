"""Ranges of ranks, worked by hand."""

import pytest

from metabench.results.rank_ranges import holm, rank_ranges
from tests.made_up_result import made_up


@pytest.mark.parametrize(
    ("p_values", "rejected"),
    [
        ([], []),
        ([0.05], [True]),
        ([0.01, 0.04, 0.03, 0.005], [True, False, False, True]),  # 0.03 > 0.05 / 2
        ([0.02, 0.04], [True, True]),  # 0.05 / 2, then 0.05
        ([0.03, 0.04], [False, False]),  # 0.04 alone would be rejected
    ],
)
def test_holm_by_hand(p_values, rejected):
    assert holm(p_values) == rejected


def test_an_entry_alone_is_the_first():
    assert rank_ranges([made_up("protonet")]) == [(1, 1)]


def test_equals_have_every_rank():
    assert rank_ranges([made_up(name) for name in "abc"]) == [(1, 3)] * 3


def test_order_does_not_matter():
    good, bad = made_up("a", (10, 9, 10, 9)), made_up("b", (4, 3, 5, 4))
    assert rank_ranges([good, bad]) == [(1, 1), (2, 2)]
    assert rank_ranges([bad, good]) == [(2, 2), (1, 1)]


def test_many_pairs_need_smaller_p_values():
    """The p-value of the first two is 0.014: below 0.05, and above 0.05 / 3 with others around."""
    first, second = made_up("a", (10, 8, 10, 8)), made_up("b", (9, 8, 8, 7))
    assert rank_ranges([first, second]) == [(1, 1), (2, 2)]
    others = [made_up(name, (9, 8, 9, 7)) for name in "cdefg"]
    assert rank_ranges([first, second, *others])[:2] == [(1, 7), (1, 7)]
