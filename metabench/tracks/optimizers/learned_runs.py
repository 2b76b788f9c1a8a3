"""Runs of learned optimizers, of one training or of several that differ in their seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import optax

from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError
from metabench.learned_optimizers.lstm.coordinatewise import coordinatewise
from metabench.learned_optimizers.lstm.files import TrainedOptimizer
from metabench.learned_optimizers.lstm.restarts import restarting
from metabench.tracks.optimizers.baseline_runs import Entry, at_stop
from metabench.tracks.optimizers.rollout import TEST_SEED, TUNING_SEED, Runs, make_rollout

NEVER = 2**31 - 1  # steps
MOST_TUNING = 500  # instances: a period has no edge beyond which rare instances diverge
PARTS = (0.25, 0.5, 1, 2, 5)  # of the trained horizon: the periods that are tried


class Period(NamedTuple):
    """The steps after which the state begins anew, and how they were chosen."""

    every: int | None  # None: no restart is better
    tried: tuple[tuple[int | None, float], ...]  # periods with their scores; () if it was given


def check_alike(trainings: Sequence[TrainedOptimizer]) -> None:
    """`UserError` unless the trainings are alike but for their seeds, all different."""
    plans = [(one.task, one.about["plan"], one.reset_every) for one in trainings]
    seeds = [one.about.get("seed") for one in trainings]
    if any(plan != plans[0] for plan in plans) or len(set(seeds)) < len(seeds):
        raise UserError(
            f"`optimizer` names {len(trainings)} trainings with the seeds {seeds}; "
            "they must have the same task and plan, and different seeds"
        )


def run_learned(
    optimizee: Optimizee,
    trainings: Sequence[TrainedOptimizer],
    every: int | None,
    stops: Sequence[int],
    n: int,
    chosen: np.ndarray | None = None,
) -> Entry:
    """The trainings on the first `n` test instances; their state begins anew after `every` steps.

    If `every` is None, it does as they were trained. `chosen`: numbers [n] of other instances.
    """
    run = _rollout(optimizee, trainings[0], stops, n, TEST_SEED, chosen)
    whole = tuple(run(_settings(one, every)) for one in trainings)
    cut = [tuple(at_stop(one, stops, number) for one in whole) for number in range(len(stops))]
    return Entry(tuple(cut), whole, False)


def tuned_period(
    optimizee: Optimizee, trainings: Sequence[TrainedOptimizer], stops: Sequence[int]
) -> Period:
    """The period with the lowest mean over stops of log(mean loss), on the tuning instances."""
    horizon = trainings[0].horizon
    periods = [round(part * horizon) for part in PARTS]
    run = _rollout(optimizee, trainings[0], stops, tuning_instances(optimizee), TUNING_SEED)
    tried = []
    for every in (None, *(one for one in periods if 1 <= one < stops[-1])):
        found = [run(_settings(one, every)).measured[:, 1:] for one in trainings]
        with np.errstate(over="ignore", invalid="ignore"):
            losses = np.asarray(found, np.float64).mean((0, 1))
        score = float(np.log(losses).mean()) if np.isfinite(losses).all() else float("inf")
        tried.append((every, score))
    return Period(min(tried, key=lambda row: row[1])[0], tuple(tried))


def tuning_instances(optimizee: Optimizee) -> int:
    """How many instances periods are tuned on, from the first of those of the baselines."""
    return min(MOST_TUNING, optimizee.tuning)


def _settings(trained: TrainedOptimizer, every: int | None) -> tuple[Any, int]:
    return trained.weights, every or trained.reset_every or NEVER


def _rollout(
    optimizee: Optimizee,
    like: TrainedOptimizer,
    stops: Sequence[int],
    n: int,
    seed: int,
    chosen: np.ndarray | None = None,
) -> Callable[[Any], Runs]:
    """One program for all trainings and periods."""

    def make(settings: tuple[Any, Any]) -> optax.GradientTransformation:
        weights, every = settings
        return restarting(coordinatewise(weights, like.scale, like.p, like.kind_of), every)

    return make_rollout(optimizee, make, stops, n, seed, chosen)
