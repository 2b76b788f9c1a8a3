"""Runs of the hand-designed optimizers, and the tuning of their hyperparameters.

They are tuned for each number of steps by itself: a rate that is best after 100 steps may be so
near the first one that diverges that it diverges after 1,000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import optax

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.lstm.baselines import BASELINES, Baseline
from metabench.tracks.optimizers.rollout import TEST_SEED, TUNING_SEED, Runs, make_rollout
from metabench.tracks.optimizers.tuning import Search, Trial, search


class Tuned(NamedTuple):
    """The tuning of one baseline."""

    best: tuple[Trial, ...]  # for each stop
    searches: tuple[Search, ...]  # one for all stops; one for each, if the rate falls

    @property
    def tries(self) -> int:
        """How many pairs of hyperparameters were tried."""
        return sum(len(one.trials) for one in self.searches)

    def tried(self, number: int) -> list[tuple[Trial, float | None]]:
        """The trials for stop `number`, each with its score there."""
        if len(self.searches) == 1:
            return [(trial, trial.scores[number]) for trial in self.searches[0].trials]
        return [(trial, trial.scores[0]) for trial in self.searches[number].trials]


Score = Callable[[float, float], Sequence[float]]  # of a rate and the second hyperparameter
Keep = Callable[[str, Score], Score]  # the same scores, kept under a name and not computed twice


def tune(
    optimizee: Optimizee,
    baseline: Baseline,
    stops: Sequence[int],
    keep: Keep = lambda name, score: score,
) -> Tuned:
    """The hyperparameters with the lowest mean loss at each stop, on the tuning instances."""
    groups = [(stop,) for stop in stops] if baseline.falls else [tuple(stops)]
    found = []
    for group in groups:
        run = _rollout(optimizee, baseline, group, optimizee.tuning, TUNING_SEED)
        score = keep("-".join(map(str, group)), partial(_scores, run))
        found.append(search(score, baseline.values))
    return Tuned(tuple(best for one in found for best in one.best), tuple(found))


def _scores(run: Callable[[Any], Runs], rate: float, second: float) -> list[float]:
    """The mean loss at each stop of a rollout."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(run((rate, second)).measured[:, 1:], np.float64).mean(0).tolist()


def tune_all(
    optimizee: Optimizee,
    stops: Sequence[int],
    progress: Callable[[int], None],
    keep: Keep = lambda name, score: score,
) -> dict[str, Tuned]:
    """The tuning of each baseline. `progress(1)` is called when one more is done."""
    found = {}
    for name, baseline in BASELINES.items():

        def kept(steps: str, score: Score, name: str = name) -> Score:
            return keep(f"{name} {steps}", score)

        found[name] = tune(optimizee, baseline, stops, kept)
        progress(1)
    return found


class Entry(NamedTuple):
    """Runs of one optimizer: for each stop, those of each training seed (of a baseline: one)."""

    by_stop: tuple[tuple[Runs, ...], ...]  # each to its stop, and measured there alone
    first: tuple[Runs, ...]  # to the last stop with what is best at the first, of each seed
    varies: bool  # whether the runs to different stops differ


def run_tuned(
    optimizee: Optimizee, baseline: Baseline, best: Sequence[Trial], stops: Sequence[int], n: int
) -> Entry:
    """The tuned optimizer on the first `n` test instances."""
    pairs = [(one.rate, one.second) for one in best]
    if baseline.falls:
        runs = [
            _rollout(optimizee, baseline, (stop,), n, TEST_SEED)(pair)
            for stop, pair in zip(stops, pairs, strict=True)
        ]
        return Entry(tuple((one,) for one in runs), (runs[-1],), True)
    run = _rollout(optimizee, baseline, stops, n, TEST_SEED)
    whole = {pair: run(pair) for pair in dict.fromkeys(pairs)}
    cut = [(at_stop(whole[pair], stops, number),) for number, pair in enumerate(pairs)]
    return Entry(tuple(cut), (whole[pairs[0]],), len(whole) > 1)


def at_stop(runs: Runs, stops: Sequence[int], number: int) -> Runs:
    """The part of runs up to stop `number`, measured before the first step and there."""
    return Runs(runs.losses[:, : stops[number] + 1], runs.measured[:, [0, number + 1]])


def _rollout(
    optimizee: Optimizee, baseline: Baseline, stops: Sequence[int], n: int, seed: int
) -> Callable[[Any], Runs]:
    last = stops[-1]

    def make(pair: tuple[Any, Any]) -> optax.GradientTransformation:
        rate, second = pair
        return baseline.make(rate, second, last)

    return make_rollout(optimizee, make, stops, n, seed)


def described(tuned: Mapping[str, Tuned], stops: Sequence[int]) -> dict[str, Any]:
    """The tuning as JSON values."""
    return {name: _described(BASELINES[name], one, stops) for name, one in tuned.items()}


def _described(baseline: Baseline, tuned: Tuned, stops: Sequence[int]) -> dict[str, Any]:
    second = baseline.second
    chosen, tried = [], []
    for number, (stop, best) in enumerate(zip(stops, tuned.best, strict=True)):
        rows = tuned.tried(number)
        score = next(value for trial, value in rows if trial == best)
        chosen.append({"steps": stop, "rate": best.rate, "mean_final_loss": score})
        tried.append(
            {
                "steps": stop,
                "rates": [trial.rate for trial, _ in rows],
                "mean_final_loss": [value for _, value in rows],
            }
        )
        if second is not None:
            chosen[-1][second] = best.second
            tried[-1][second] = [trial.second for trial, _ in rows]
    return {"rate": chosen[0]["rate"], "trials": tuned.tries, "chosen": chosen, "tried": tried}
