"""The summary: settings are chosen by validation alone, and named by what differs."""

from dataclasses import replace
from pathlib import Path

from metabench.sweeps.cells import Cell
from metabench.sweeps.estimate import hours_of
from metabench.sweeps.summary import best_of, labels, rows, without_choice
from tests.made_up_result import COST, made_up


def cell(name, steps=100, **chosen):
    result = made_up()
    return Cell("protonet", result.protocol, chosen, Path(name), (), steps, "d")


def measured(correct, *validations):
    """A result with this many right answers in test, and these validation accuracies."""
    result = made_up("protonet", *[(correct,) * 4 for _ in validations])
    runs = zip(result.runs, validations, strict=True)
    return replace(result, runs=tuple(replace(r, validation_accuracy=v) for r, v in runs))


def test_the_best_is_that_of_validation_whatever_the_test_says():
    narrow, wide, other = cell("a", width=32), cell("b", width=64), cell("c", width=128)
    found = [
        (narrow, measured(10, 0.5, 0.6)),  # the best in test, and that of a single seed
        (wide, measured(3, 0.4, 0.9)),
        (other, measured(4, 0.9, None)),  # a seed without validation
    ]
    (best,) = best_of(found)
    assert (best.cell, best.among) == (wide, 2)
    (row,) = rows([best], [narrow, wide, other])
    assert row[1:] == ("protonet", "width=64", "65.00", "30.00", "2 settings")


def test_nothing_is_chosen_without_validation():
    found = [(cell("a", width=1), measured(10, None)), (cell("b", width=2), measured(3, None))]
    assert best_of(found) == []
    (said,) = without_choice(found)
    assert said.endswith("has no validation: none of its 2 settings is chosen")
    assert len(best_of(found[:1])) == 1  # one alone needs no choice


def test_labels_name_what_differs():
    cells = [cell("a", width=1, clip=None, rate=3), cell("b", width=2, clip=None), cell("c")]
    assert [*labels(cells).values()] == [
        "width=1, clip=none, rate=3",
        "width=2, clip=none, rate=usual",
        "width=usual, clip=usual, rate=usual",
    ]


def test_hours_grow_with_the_steps():
    earlier = [made_up("protonet"), made_up("maml")]  # 100 steps in 90 s
    testing = 4 / COST["test_episodes_per_second"]
    assert hours_of(cell("a"), earlier) * 3600 == 90 + testing
    assert hours_of(cell("a", steps=1000), earlier) * 3600 == 900 + testing
    assert hours_of(cell("a"), earlier[1:]) is None
