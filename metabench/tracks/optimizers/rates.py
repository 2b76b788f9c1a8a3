"""Tuned hyperparameters on disk: they are tuned once for each task and numbers of steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError
from metabench.files import canonical, publish
from metabench.learned_optimizers.lstm.baselines import BASELINES
from metabench.tracks.optimizers.baseline_runs import Tuned, tune_all
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
    found = tune_all(optimizee, stops, progress)
    publish.write_text(path, json.dumps(found) + "\n")
    return found


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
