"""Pareto fronts, by hand."""

from dataclasses import replace

from metabench.results.costs import fronts, parameters_of, train_flops_of, train_seconds_of
from tests.made_up_result import COST, made_up


def entry(correct, parameters, seconds=90.0, ms=1.0):
    """Accuracy `correct` / 10 at this cost."""
    made = made_up("a", (correct,) * 4, parameter_count=parameters)
    cost = {**COST, "train_seconds": seconds, "adaptation_ms": ms}
    return replace(made, runs=(replace(made.runs[0], cost=cost),))


def test_fronts_by_hand():
    best = entry(9, 1000, 50)
    cheap = entry(5, 0, 0, ms=0.5)
    dear = entry(9, 1000, 60)  # as accurate and large as the best, and slower to train
    poor = entry(4, 10, 10, ms=0.2)  # quickest to adapt, otherwise below `cheap`
    assert fronts([best, cheap, dear, poor]) == [
        ("parameters", "training", "adaptation"),
        ("parameters", "training", "adaptation"),
        ("parameters", "adaptation"),
        ("adaptation",),
    ]


def test_unknown_costs_are_on_no_front_and_beat_nobody():
    unknown = replace(entry(9, 0), recipe={"name": "defaults", "source": {"name": "b"}})
    assert parameters_of(unknown) is None
    assert fronts([unknown, entry(5, 7)]) == [
        ("training", "adaptation"),
        ("parameters",),
    ]


def test_the_training_counts_its_source():
    run = made_up().runs[0]
    cost = {**COST, "source_seconds": 10.0, "train_flops": 5e9, "source_flops": 1e9}
    result = replace(made_up(), runs=(replace(run, cost=cost), run))
    assert (train_seconds_of(result), train_flops_of(result)) == (100.0, 6e9)
    assert train_flops_of(made_up()) is None
