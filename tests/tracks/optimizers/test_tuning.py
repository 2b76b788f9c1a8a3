"""Tuning of hyperparameters, on cases that are known in closed form."""

import math

import pytest

from metabench.tracks.optimizers.tuning import FURTHEST, rate, search


def bowl(at):
    return lambda rate, second: [(math.log10(rate) - at) ** 2]


def best(score, values=(0.0,), column=0):
    return search(score, values).best[column]


@pytest.mark.parametrize("at", [-4, -1.333, -0.1, 0, 0.6, -6, 3])
def test_the_best_rate_to_a_tenth(at):
    """Within the grid and beyond it, to a sixteenth of a third of a decade: 4.9 %."""
    found = search(bowl(at))
    assert abs(math.log10(found.best[0].rate) - at) <= 1 / 48 + 1e-3
    rates = [trial.rate for trial in found.trials]
    assert rates == sorted(set(rates))
    assert len(rates) >= 16
    assert min(rates) < found.best[0].rate < max(rates)


def test_a_cliff_is_approached():
    """Losses fall until 0.0175 and then there is none; thirds of decades would stop at 0.01."""
    found = search(lambda rate, second: [1 / rate if rate < 0.0175 else float("nan")])
    # From 0.01 half a third of a decade up, none at 0.0178 then 0.0162, and none at 0.0178 again.
    assert found.best[0].rate == rate(-5.375) == 0.01616
    assert {trial.rate: trial.scores[0] for trial in found.trials}[1.0] is None


def test_a_score_that_only_falls_ends():
    assert best(lambda rate, second: [-rate]).rate == pytest.approx(rate(FURTHEST), rel=1)


def test_the_second_hyperparameter_has_a_best_rate_of_its_own():
    """At 0.9 the best rate is a decade higher, and the score lower."""

    def score(rate, second):
        usual = second == 0.999
        return [(math.log10(rate) + (2 if usual else 1)) ** 2 + usual]

    found = best(score, (0.999, 0.9))
    assert (found.second, found.rate) == (0.9, 0.1)


def test_a_second_hyperparameter_that_diverges_at_the_best_rate_has_lower_ones():
    """At 0.99 all rates above 10^-3 diverge; below, it is better than 0.9 anywhere."""

    def score(rate, second):
        if second == 0.99:
            return [1e-3 / rate if rate < 1.1e-3 else float("inf")]
        return [2 + (math.log10(rate) - 0.0) ** 2]

    found = best(score, (0.9, 0.99))
    assert (found.second, found.rate) == (0.99, 0.001)


def test_each_number_of_steps_has_its_own_best_and_shares_the_trials():
    calls = []

    def score(rate, second):
        calls.append((rate, second))
        return [(math.log10(rate) - at) ** 2 for at in (-1, -2)]

    found = search(score)
    assert [trial.rate for trial in found.best] == [0.1, 0.01]
    assert len(calls) == len(set(calls)) == len(found.trials) <= 16 + 2 * 6
