"""Tuned hyperparameters on disk: they are tuned once for each task and numbers of steps.

Each trial is kept as soon as it is done, so that a tuning that was interrupted goes on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError
from metabench.files import canonical, publish
from metabench.learned_optimizers.lstm.baselines import BASELINES
from metabench.tracks.optimizers.baseline_runs import Keep, Score, Tuned, tune_all
from metabench.tracks.optimizers.rollout import TUNING_SEED
from metabench.tracks.optimizers.tuning import FINER, FIRST, LAST, Search, Trial

VERSION = 2  # of how it is tuned


def rates(
    task: str,
    optimizee: Optimizee,
    stops: tuple[int, ...],
    run_dir: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Tuned]:
    """The hyperparameters of all baselines, from the file of an earlier call or tuned now.

    Raises:
      UserError: the file cannot be written, or is damaged.
    """
    grids = [[name, one.values] for name, one in BASELINES.items()]
    settings = [task, optimizee.digest, stops, optimizee.tuning, TUNING_SEED, FIRST, LAST, FINER]
    name = f"rates-{canonical.fingerprint([*settings, grids, VERSION])}.json"
    path = run_dir / "optimizers" / task / name
    if path.is_file():
        return _read(path)
    publish.check_writable(path)
    trials = path.with_suffix(".trials.json")
    found = tune_all(optimizee, stops, progress, _keeping(trials))
    publish.write_text(path, json.dumps(found) + "\n")
    trials.unlink(missing_ok=True)
    return found


def _keeping(path: Path) -> Keep:
    """Scores that are read from a file where they stand there, and written to it otherwise."""
    known = _known(path)

    def keep(name: str, score: Score) -> Score:
        def kept(rate: float, second: float) -> list[float]:
            trial = f"{name} {rate} {second}"
            if trial not in known:
                found = map(float, score(rate, second))
                known[trial] = [one if math.isfinite(one) else None for one in found]
                publish.write_text(path, json.dumps(known) + "\n")
            return [math.inf if one is None else one for one in known[trial]]

        return kept

    return keep


def _known(path: Path) -> dict[str, list[float | None]]:
    """The trials of a tuning that was interrupted; none if their file is absent or damaged."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return {
            str(name): [one if one is None else float(one) for one in scores]
            for name, scores in found.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _read(path: Path) -> dict[str, Tuned]:
    try:
        found = json.loads(path.read_text("utf-8"))
        return {name: _of(found[name]) for name in BASELINES}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} holds no tuned hyperparameters ({error}); remove it to tune them again"
        ) from error


def _of(values: list[Any]) -> Tuned:
    best, searches = values
    return Tuned(_trials(best), tuple(Search(*map(_trials, one)) for one in searches))


def _trials(rows: list[Any]) -> tuple[Trial, ...]:
    return tuple(Trial(rate, second, tuple(scores)) for rate, second, scores in rows)
