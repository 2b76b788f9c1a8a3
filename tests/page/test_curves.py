"""Learning curves of a board as pictures."""

from __future__ import annotations

import dataclasses

from metabench.page.curves import MOST, trainings
from metabench.results.ranking import rank
from metabench.results.result import Curve
from tests.made_up_result import made_up


def board(*curves, **changes):
    """The ranked rows of one result with a seed for each of `curves`."""
    result = made_up("protonet", *[(10, 8, 10, 8)] * len(curves), **changes)
    pairs = zip(result.runs, curves, strict=True)
    runs = tuple(dataclasses.replace(run, curve=curve) for run, curve in pairs)
    (rows,) = rank([dataclasses.replace(result, runs=runs)]).values()
    return rows


def test_without_curves_there_is_no_picture():
    assert trainings(board(None), "b") == []


def test_seeds_of_the_same_steps_are_one_line_and_others_are_apart():
    one, other = Curve((5, 10), (0.5, 0.7), (2.0, 1.0)), Curve((5, 10), (0.6, None), (2.0, -1.0))
    validation, loss = trainings(board(one, other), "b")
    assert [name for _, name in validation.legend] == ["protonet"]
    assert [name for _, name in loss.legend] == ["protonet"]
    apart = Curve((5,), (0.6,), (2.0,))
    validation, _ = trainings(board(one, apart), "b")
    assert [name for _, name in validation.legend] == ["protonet, 1", "protonet, 2"]
    assert "no curve" not in validation.caption
    validation, _ = trainings(board(one, None), "b")
    assert "1 trained entry of this board has no curve" in validation.caption


def test_many_entries_are_cut_to_the_first_and_that_is_said():
    curve = Curve((5, 10), (0.5, 0.7), (2.0, 1.0))
    results = []
    for number in range(MOST + 2):
        result = made_up("protonet", hyperparameters={"width": number})
        run = dataclasses.replace(result.runs[0], curve=curve)
        results.append(dataclasses.replace(result, runs=(run,)))
    (rows,) = rank(results).values()
    validation, _ = trainings(rows, "b")
    assert len(validation.legend) == MOST
    assert f"The first {MOST} entries that have curves are shown." in validation.caption
