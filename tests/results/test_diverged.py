"""What speaks against a result is said for each seed, and nothing where nothing does."""

from dataclasses import replace

from metabench.results.diverged import warnings
from tests.made_up_result import made_up


def doubted(*changes):
    """The doubts about a result whose runs are changed one after the other."""
    result = made_up("protonet", *[(10, 8, 10, 8)] * len(changes))
    runs = (replace(run, **change) for run, change in zip(result.runs, changes, strict=True))
    return warnings(replace(result, runs=tuple(runs)))


def test_a_usual_result_has_none():
    assert doubted({}, {}) == []


def test_scores_that_are_no_numbers():
    (line,) = doubted({"nan_episodes": 3})
    assert line.startswith("WARNING: in 3 of 4 test episodes")
    assert line.endswith("(NaN); such queries count as wrong")
    (line,) = doubted({}, {"nan_episodes": 4})
    assert line.startswith("WARNING: seed 1: in 4 of 4 test episodes")


def test_answers_that_are_all_alike_and_a_loss_far_above_guessing():
    first, second = doubted({"alike_answers": True, "high_loss": 1.234e9})
    assert "in every test episode all queries got the same answer" in first
    assert "the training loss before the tested step is 1.23e+09" in second
