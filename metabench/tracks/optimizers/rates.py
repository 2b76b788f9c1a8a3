"""Tuned rates on disk: rates are tuned once for each task and horizon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from metabench.contracts.optimizee import Optimizee
from metabench.files import canonical, publish
from metabench.tracks.optimizers.evaluation import VERSION, tuned_rates
from metabench.tracks.optimizers.rollout import TUNING_SEED
from metabench.tracks.optimizers.tuning import FIRST, LAST, Tuned


def rates(
    task: str,
    optimizee: Optimizee,
    horizon: int,
    run_dir: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Tuned]:
    """The rates of all baselines, from the file of an earlier call or tuned now.

    Raises:
      UserError: the file cannot be written.
    """
    settings = [task, optimizee.digest, horizon, optimizee.tuning, TUNING_SEED, FIRST, LAST]
    name = f"rates-{canonical.fingerprint([*settings, VERSION])}.json"
    path = run_dir / "optimizers" / task / name
    if path.is_file():
        return {name: _of(one) for name, one in json.loads(path.read_text("utf-8")).items()}
    publish.check_writable(path)
    found = tuned_rates(optimizee, horizon, progress)
    publish.write_text(path, json.dumps(found) + "\n")
    return found


def _of(values: list) -> Tuned:  # type: ignore[type-arg]
    return Tuned(values[0], tuple((rate, score) for rate, score in values[1]))
