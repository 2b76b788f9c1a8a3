"""`metabench.sweep`: what the command `metabench sweep` does, in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metabench.compute.devices import needed
from metabench.contracts.arguments import check_arguments
from metabench.seeds import pinned
from metabench.sweeps.executors.executor import Machines
from metabench.sweeps.grid import grid_of, read
from metabench.sweeps.sweep import Order, Sweep, swept
from metabench.tracks.fewshot.request import Places


def sweep(
    grid: Path | str | Mapping[str, Any],
    *,
    out: Path | str = "leaderboards",
    executor: str = "local",
    jobs: int = 1,
    cores: int | None = None,
    gpus: int = 0,
    per_job: int = 1,
    options: Mapping[str, Any] | None = None,
    log: Sequence[str] = (),
    data: str | None = None,
    run_dir: Path | str = "runs",
    archives: Path | str | None = None,
    cache: Path | str | None = None,
    progress: bool = True,
) -> Sweep:
    """Run the combinations of a grid that have no result yet; as `metabench sweep` does.

    Args:
      grid: path of a TOML file, or its content: learners, protocols, seeds, settings, train,
        recipes, search.
      out: folder of the results.
      executor: "local", "ray" or "slurm".
      jobs: how many run at a time on this machine.
      cores: of each job; those of this machine divided by `jobs` if None.
      gpus: of each job, with Ray and Slurm.
      per_job: runs of one job, one after another in one process.
      options: arguments of `ray.init`, or parameters of submitit.
      log: as in `metabench.run`.
      data: where images lie: "device", "host" or "auto", which is as memory allows.
      run_dir: folder of checkpoints, and of results of single seeds.
      archives: as in `metabench.run`.
      cache: as in `metabench.run`.
      progress: whether to show progress on standard error.

    Returns:
      All results, the best of each learner and protocol by validation, and what failed.

    Raises:
      UserError: a mistake in one sentence; nothing has been run then.
    """
    plain = check_arguments(
        sweep, executor=executor, jobs=jobs, cores=cores, gpus=gpus, per_job=per_job,
        options=options,
    )  # fmt: skip
    kinds = (log,) if isinstance(log, str) else tuple(log)
    machines = Machines(
        executor, plain["jobs"], plain["cores"], plain["gpus"], options or {}, Path(run_dir)
    )
    places = Places(
        Path(run_dir),
        None if archives is None else Path(archives),
        None if cache is None else Path(cache),
        quiet=not progress,
    )
    order = Order(Path(out), places, machines, plain["per_job"], kinds, data)
    with pinned(), needed():
        return swept(grid_of(grid) if isinstance(grid, Mapping) else read(Path(grid)), order)
