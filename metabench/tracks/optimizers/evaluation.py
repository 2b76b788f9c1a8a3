"""A trained optimizer compared with tuned ones on the same instances: from a file to a document."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError
from metabench.learned_optimizers.lstm.baselines import BASELINES
from metabench.learned_optimizers.lstm.coordinatewise import coordinatewise
from metabench.learned_optimizers.lstm.files import TrainedOptimizer
from metabench.results import environment
from metabench.tracks.optimizers import figures
from metabench.tracks.optimizers.rollout import TEST_SEED, TUNING_SEED, Runs, make_rollout
from metabench.tracks.optimizers.tuning import Tuned, tune

SCHEMA_VERSION = 1
VERSION = 1  # of the protocol: how instances are drawn and what is measured
LEARNED = "lstm"


class Asked(NamedTuple):
    """What to evaluate."""

    task: str
    instances: int | None  # None: as many as the task says
    multiples: tuple[int, ...]  # of the trained horizon, increasing
    horizon: int  # steps that the optimizer was trained for, and after which rates are tuned

    @property
    def stops(self) -> tuple[int, ...]:
        """Numbers of steps at which losses are measured."""
        return tuple(self.horizon * one for one in self.multiples)


class Outcome(NamedTuple):
    """The outcome of an evaluation."""

    document: dict[str, Any]
    runs: dict[str, Runs]


def asked(task: str, instances: int | None, multiples: tuple[int, ...], horizon: int) -> Asked:
    """What to evaluate, checked; if `instances` is None, as many as the task says.

    Raises:
      UserError: numbers that make no sense.
    """
    if instances is not None and not 2 <= instances < 2**30:
        raise UserError(f"`instances` is {instances}; it must be at least 2 and below 2^30")
    return Asked(task, instances, multiples, horizon)


def multiples_of(text: str) -> tuple[int, ...]:
    """`1,2,10` as numbers; `UserError` unless they are whole, at least 1, and increasing."""
    parts = [part.strip() for part in text.split(",")]
    found = tuple(int(part) for part in parts if part.isascii() and part.isdigit())
    if len(found) < len(parts) or found[0] < 1 or list(found) != sorted(set(found)):
        raise UserError(
            f"`multiples` is {text!r}; it must be whole numbers of 1 or more, rising, as in 1,2,10"
        )
    return found


def tuned_rates(
    optimizee: Optimizee, horizon: int, progress: Callable[[int], None]
) -> dict[str, Tuned]:
    """The rate of each baseline with the lowest mean loss after `horizon` steps.

    Its instances are used for nothing else. `progress(1)` is called when one more is done.
    """
    found = {}
    for name, make in BASELINES.items():
        run = make_rollout(optimizee, make, (horizon,), optimizee.tuning, TUNING_SEED)
        found[name] = tune(lambda rate, run=run: float(run(rate).measured[:, -1].mean()))  # type: ignore[misc]
        progress(1)
    return found


def evaluate(
    wanted: Asked,
    optimizee: Optimizee,
    trained: TrainedOptimizer,
    rates: Mapping[str, Tuned],
    *,
    command: str,
    progress: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Run every optimizer on the test instances.

    Args:
      wanted: what is evaluated.
      optimizee: the task.
      trained: the learned optimizer.
      rates: of the baselines, from `tuned_rates`.
      command: the command line, for the document.
      progress: called with 1 whenever an optimizer is done.
    """

    def learned(weights: Any) -> Any:
        return coordinatewise(weights, trained.scale, trained.p, trained.kind_of)

    instances = wanted.instances or optimizee.instances
    makers: dict[str, tuple[Any, Any]] = {LEARNED: (learned, trained.weights)}
    makers |= {name: (make, rates[name].rate) for name, make in BASELINES.items()}
    began, runs = time.monotonic(), {}
    for name, (make, settings) in makers.items():
        run = make_rollout(optimizee, make, wanted.stops, instances, TEST_SEED)
        runs[name] = run(settings)
        progress(1)
    seconds = round(time.monotonic() - began, 1)
    document = {
        **_measured(wanted, optimizee, trained, rates, runs),
        "evaluation_seconds": seconds,
        "environment": environment.describe(),
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return Outcome(document, runs)


def _measured(
    wanted: Asked,
    optimizee: Optimizee,
    trained: TrainedOptimizer,
    rates: Mapping[str, Tuned],
    runs: Mapping[str, Runs],
) -> dict[str, Any]:
    """The figures and everything that they rest on, as JSON values."""
    others = [name for name in runs if name != LEARNED]
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "optimizer",
        "task": wanted.task,
        "data_digest": optimizee.digest,
        "optimizer": {"name": LEARNED, **trained.about},
        "protocol": {
            "version": VERSION,
            "instances": len(runs[LEARNED].losses),
            "seed": TEST_SEED,
            "horizon": wanted.horizon,
            "stops": list(wanted.stops),
            "band": list(figures.BAND),
            "largest_loss": figures.CAP,
        },
        "tuning": {
            "instances": optimizee.tuning,
            "seed": TUNING_SEED,
            "steps": wanted.horizon,
            "baselines": {name: _grid(found) for name, found in rates.items()},
        },
        "figures": _figures(wanted, runs),
        "lstm_minus": {
            name: figures.paired(runs[LEARNED], runs[name], wanted.stops) for name in others
        },
    }


def _figures(wanted: Asked, runs: Mapping[str, Runs]) -> dict[str, Any]:
    """Figures of each optimizer; `adam_steps`: when Adam's median reaches its median at 1×."""
    adam, found = figures.median_curve(runs["adam"]), {}
    for name, one in runs.items():
        rows = figures.of_runs(one, wanted.stops)
        level = rows[0]["final_loss"]["median"]
        found[name] = {
            "at": rows,
            "adam_steps": figures.steps_to_reach(adam, level),
            "curve": {
                "steps": figures.shown_steps(wanted.stops),
                **figures.curve(one, wanted.stops),
            },
        }
    return found


def _grid(found: Tuned) -> dict[str, Any]:
    return {
        "rate": found.rate,
        "rates": [rate for rate, _ in found.grid],
        "mean_final_loss": [score for _, score in found.grid],
    }
