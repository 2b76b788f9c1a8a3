"""Ranges of a search: what is drawn from them, and what is checked against a learner's options."""

from dataclasses import replace

import pytest

from metabench.errors import UserError
from metabench.sweeps.search import Span, search_of, trials_of
from tests.sweeps.conftest import TOY


def search(ranges, method="random", **other):
    given = {"trials": 20} if method == "random" else {}
    return search_of({"method": method, TOY: ranges, **given, **other}, [TOY])


def test_random_trials_lie_within_and_are_the_same_again():
    asked = search(
        {
            "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
            "width": {"low": 4, "high": 8},
            "norm": ["batch", "none"],
        }
    )
    found = trials_of(asked, TOY)
    assert len(found) == 20
    assert found == trials_of(asked, TOY)
    assert found != trials_of(replace(asked, seed=1), TOY)
    assert all(1e-4 <= one["learning_rate"] <= 1e-2 for one in found)
    assert 4 <= sum(one["learning_rate"] < 1e-3 for one in found) <= 16  # even in the logarithm
    assert {one["width"] for one in found} <= {4, 5, 6, 7, 8}
    assert {one["norm"] for one in found} == {"batch", None}


def test_a_grid_takes_points_of_each_range():
    asked = search(
        {
            "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True, "points": 3},
            "width": {"low": 1, "high": 4, "points": 2},
        },
        "grid",
    )
    assert [(one["learning_rate"], one["width"]) for one in trials_of(asked, TOY)] == [
        (1e-4, 1), (1e-4, 4), (1e-3, 1), (1e-3, 4), (1e-2, 1), (1e-2, 4),
    ]  # fmt: skip
    assert Span(2, 4, whole=True, points=9).spread() == [2, 3, 4]


@pytest.mark.parametrize(
    ("ranges", "sentence"),
    [
        ({}, "it must be a table of options and their ranges"),
        ({"width": 3}, "must be a list of choices or a range"),
        ({"width": {"low": 3}}, "needs numbers `low` and `high`"),
        ({"width": {"low": 3, "high": 1}}, "the first below the second"),
        ({"width": {"low": 0, "high": 1, "log": True}}, "with true `low` is above 0"),
        ({"width": {"low": 0, "high": 1, "points": 3}}, 'which belongs to method "grid"'),
        ({"width": {"low": 0, "high": 1, "step": 3}}, "has `step`; it may hold"),
    ],
)
def test_a_wrong_range_is_one_sentence(ranges, sentence):
    with pytest.raises(UserError) as caught:
        search(ranges)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("ranges", "sentence"),
    [
        ({"widht": {"low": 1, "high": 2}}, "has no option `widht` (did you mean `width`?)"),
        ({"width": {"low": 1.5, "high": 2}}, "`width` of learner `toy.toy` is 1.5"),
        ({"width": {"low": 0, "high": 2}}, "`width` is 0; it must be at least 1"),
        ({"learning_rate": ["fast"]}, "`learning_rate` of learner `toy.toy` is 'fast'"),
    ],
)
def test_ranges_are_held_against_the_options(cells, ranges, sentence):
    asked = {"method": "random", "trials": 2, TOY: ranges}
    with pytest.raises(UserError) as caught:
        cells(search=asked, settings={})
    assert sentence in str(caught.value)


def test_trials_become_cells(cells):
    rates = {"low": 1, "high": 3}  # whole numbers, of an option that takes fractions
    asked = {"method": "random", "trials": 3, TOY: {"learning_rate": rates}}
    found = cells(search=asked)
    assert len(found) == 3
    assert all(one.chosen["learning_rate"] % 1 for one in found)
    assert all(one.chosen["width"] == 4 for one in found)
    only_in_test = {**asked, "maml": {"test_norm": ["batch", "support"]}}
    del only_in_test[TOY]
    with pytest.raises(UserError, match="`test_norm`, which acts in the test alone"):
        cells(search=only_in_test, learners=["maml"], settings={})
    with pytest.raises(UserError, match="both have `width`"):
        cells(search={**asked, TOY: {"width": [1, 2]}})
