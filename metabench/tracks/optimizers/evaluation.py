"""A trained optimizer compared with tuned ones on the same instances: from a file to a document."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError
from metabench.learned_optimizers.lstm.baselines import BASELINES
from metabench.learned_optimizers.lstm.files import TrainedOptimizer
from metabench.results import environment
from metabench.results.head import TRACKS, optimizer_head, optimizer_protocol
from metabench.tracks.optimizers import figures
from metabench.tracks.optimizers.baseline_runs import Entry, Tuned, described, run_tuned
from metabench.tracks.optimizers.learned_runs import (
    Period,
    check_alike,
    run_learned,
    tuned_period,
    tuning_instances,
)
from metabench.tracks.optimizers.rollout import TEST_SEED, TUNING_SEED

VERSION = 2  # of the protocol: how instances are drawn, baselines tuned, and what is measured
LEARNED, RESET = "lstm", "lstm_reset"
TUNE = "tune"


class Asked(NamedTuple):
    """What to evaluate."""

    task: str
    instances: int | None  # None: as many as the task says
    multiples: tuple[int, ...]  # of the trained horizon, increasing
    horizon: int  # steps that the optimizer was trained for
    reset_every: int | str | None = None
    """Steps after which its state begins anew in runs of its own; `tune`: chosen on the tuning
    instances; None: no such runs."""

    @property
    def stops(self) -> tuple[int, ...]:
        """Numbers of steps at which losses are measured."""
        return tuple(self.horizon * one for one in self.multiples)


class Outcome(NamedTuple):
    """The outcome of an evaluation."""

    document: dict[str, Any]
    entries: dict[str, Entry]


def asked(
    task: str,
    instances: int | None,
    multiples: tuple[int, ...],
    horizon: int,
    reset_every: int | str | None = None,
) -> Asked:
    """What to evaluate, checked; if `instances` is None, as many as the task says.

    Raises:
      UserError: numbers that make no sense.
    """
    if instances is not None and not 2 <= instances < 2**30:
        raise UserError(f"`instances` is {instances}; it must be at least 2 and below 2^30")
    if isinstance(reset_every, str) and reset_every != TUNE:
        raise UserError(f"`reset-every` is {reset_every!r}; it must be a number, `tune` or `none`")
    if isinstance(reset_every, int) and not 1 <= reset_every < 2**30:
        raise UserError(f"`reset-every` is {reset_every}; it must be at least 1 and below 2^30")
    if horizon * multiples[-1] >= 2**31:
        raise UserError(
            f"`multiples` reaches {horizon * multiples[-1]:,} steps; there must be fewer than 2^31"
        )
    return Asked(task, instances, multiples, horizon, reset_every)


def multiples_of(text: str) -> tuple[int, ...]:
    """`1,2,10` as numbers; `UserError` unless they are whole, at least 1, and increasing."""
    parts = [part.strip() for part in text.split(",")]
    found = tuple(int(part) for part in parts if part.isascii() and part.isdigit())
    if len(found) < len(parts) or found[0] < 1 or list(found) != sorted(set(found)):
        raise UserError(
            f"`multiples` is {text!r}; it must be whole numbers of 1 or more, rising, as in 1,2,10"
        )
    return found


def evaluate(
    wanted: Asked,
    optimizee: Optimizee,
    trainings: Sequence[TrainedOptimizer],
    tuned: Mapping[str, Tuned],
    *,
    command: str,
    progress: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Run every optimizer on the test instances.

    Args:
      wanted: what is evaluated.
      optimizee: the task.
      trainings: the learned optimizer, from one training or from several with different seeds.
      tuned: the baselines' hyperparameters.
      command: the command line, for the document.
      progress: called with 1 whenever an optimizer is done.

    Raises:
      UserError: the trainings differ in more than their seeds.
    """
    check_alike(trainings)
    instances, stops = wanted.instances or optimizee.instances, wanted.stops
    began = time.monotonic()
    entries = {LEARNED: run_learned(optimizee, trainings, None, stops, instances)}
    progress(1)
    period = _period(wanted, optimizee, trainings)
    if period.every is not None:
        entries[RESET] = run_learned(optimizee, trainings, period.every, stops, instances)
    for name, baseline in BASELINES.items():
        entries[name] = run_tuned(optimizee, baseline, tuned[name].best, stops, instances)
        progress(1)
    seconds = round(time.monotonic() - began, 1)
    document = {
        **_measured(wanted, optimizee, trainings, tuned, entries),
        **_reset(wanted, optimizee, period),
        "evaluation_seconds": seconds,
        "environment": environment.describe(),
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return Outcome(document, entries)


def _period(wanted: Asked, optimizee: Optimizee, trainings: Sequence[TrainedOptimizer]) -> Period:
    """After how many steps the state begins anew in the runs of `RESET`, if there are any."""
    if wanted.reset_every is None or trainings[0].reset_every is not None:
        return Period(None, ())
    if isinstance(wanted.reset_every, int):
        return Period(wanted.reset_every, ())
    return tuned_period(optimizee, trainings, wanted.stops)


def _measured(
    wanted: Asked,
    optimizee: Optimizee,
    trainings: Sequence[TrainedOptimizer],
    tuned: Mapping[str, Tuned],
    entries: Mapping[str, Entry],
) -> dict[str, Any]:
    """The figures and everything that they rest on, as JSON values."""
    stops = wanted.stops
    seeds = [one.about for one in trainings[1:]]
    return {
        "schema_version": TRACKS["optimizers"].version,
        **optimizer_head(trainings[0].about | {"name": LEARNED}, seeds),
        "task": wanted.task,
        **({"dataset_digest": optimizee.digest} if optimizee.digest else {}),
        "optimizer": {"name": LEARNED, **trainings[0].about},
        **({"further_seeds": seeds} if seeds else {}),
        "protocol": {
            "id": optimizer_protocol(wanted.task, VERSION),
            "version": VERSION,
            "instances": len(entries[LEARNED].first[0].losses),
            "seed": TEST_SEED,
            "training_seeds": len(trainings),
            "horizon": wanted.horizon,
            "stops": list(stops),
            "band": list(figures.BAND),
            "largest_loss": figures.CAP,
        },
        "tuning": {
            "instances": optimizee.tuning,
            "seed": TUNING_SEED,
            "steps": list(stops),
            "baselines": described(tuned, stops),
        },
        "figures": _figures(stops, entries),
        "scores": {name: figures.scores(one.by_stop) for name, one in entries.items()},
        **_differences(stops, entries),
    }


def _figures(stops: tuple[int, ...], entries: Mapping[str, Entry]) -> dict[str, Any]:
    """Figures of each optimizer; `adam_steps`: when Adam's median reaches its median at 1×.

    Adam is then the one that is tuned for the first stop. `curves`: a curve for each stop, where
    the hyperparameters differ.
    """
    adam, found = figures.median_curve(entries["adam"].first), {}
    for name, one in entries.items():
        rows = figures.of_runs(one.by_stop, stops)
        level = rows[0]["final_loss"]["median"]
        found[name] = {
            "at": rows,
            "adam_steps": figures.steps_to_reach(adam, level),
            "curve": figures.curve(one.by_stop[-1], stops),
        }
        if one.varies:
            found[name]["curves"] = [
                figures.curve(runs, stops[: number + 1]) for number, runs in enumerate(one.by_stop)
            ]
    return found


def _differences(stops: tuple[int, ...], entries: Mapping[str, Entry]) -> dict[str, Any]:
    """`lstm_minus`: paired differences to each baseline; and where they are all below 0."""
    found, below = {}, {}
    for mine in (name for name in (LEARNED, RESET) if name in entries):
        rows = {
            name: figures.paired(entries[mine].by_stop, one.by_stop, stops)
            for name, one in entries.items()
            if name not in (LEARNED, RESET)
        }
        found[f"{mine}_minus"] = rows
        below[mine] = figures.below_all(rows.values(), stops)
    return {**found, "below_every_baseline": below}


def _reset(wanted: Asked, optimizee: Optimizee, period: Period) -> dict[str, Any]:
    """How the period of restarts was chosen, as JSON values; nothing if it was not asked."""
    if wanted.reset_every is None or (period.every is None and not period.tried):
        return {}
    found: dict[str, Any] = {"every": period.every, "source": "ours, not the paper's"}
    if period.tried:
        scores = [
            figures.digits(score) if score < float("inf") else None for _, score in period.tried
        ]
        found["tuning"] = {
            "instances": tuning_instances(optimizee),
            "seed": TUNING_SEED,
            "periods": [every for every, _ in period.tried],
            "mean_log_loss": scores,
        }
    return {"reset": found}
