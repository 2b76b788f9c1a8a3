"""`metabench sweep`: run all combinations of a grid file, and sum them up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from typer import Argument, Option

from metabench.cli import device_options, options
from metabench.cli.settings import parse_settings

if TYPE_CHECKING:
    from metabench.sweeps.cells import Cell
    from metabench.sweeps.studies import Plan
    from metabench.sweeps.sweep import Order, Sweep

GridFile: TypeAlias = Annotated[
    Path, Argument(metavar="GRID", help="TOML file of learners, protocols, seeds and settings.")
]
Board: TypeAlias = Annotated[Path, Option("--out", help="Folder of the results.")]
DryRun: TypeAlias = Annotated[
    bool,
    Option(
        "--dry-run",
        help="Run nothing: print the runs, which of them have results, and the estimated hours.",
    ),
]
Jobs: TypeAlias = Annotated[
    int, Option(help="How many jobs run at a time on this machine, each on cores of its own.")
]
Cores: TypeAlias = Annotated[
    int | None,
    Option(
        help="Cores of each job; those of this machine divided by `--jobs` if not given. The last "
        "bits of a training depend on it."
    ),
]
Gpus: TypeAlias = Annotated[int, Option(help="GPUs of each job, with Ray and Slurm.")]
PerJob: TypeAlias = Annotated[
    int, Option(help="Runs of one job, one after another in one process.")
]
Kind: TypeAlias = Annotated[str, Option("--executor", help="`local`, `ray` or `slurm`.")]
Further: TypeAlias = Annotated[
    list[str] | None,
    Option(
        "--option",
        metavar="NAME=VALUE",
        help="An argument of ray.init, or a parameter of submitit such as timeout_min=120 or "
        "slurm_partition=gpu; may be repeated.",
    ),
]


def sweep(
    grid: GridFile,
    out: Board = Path("leaderboards"),
    dry_run: DryRun = False,
    executor: Kind = "local",
    jobs: Jobs = 1,
    cores: Cores = None,
    gpus: Gpus = 0,
    per_job: PerJob = 1,
    option: Further = None,
    log: options.Logs = None,
    data: device_options.Data = None,
    run_dir: options.RunDir = Path("runs"),
    quiet: options.Quiet = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Run the combinations of GRID that have no result yet; the same command goes on."""
    from metabench.sweeps.executors.executor import Machines
    from metabench.sweeps.grid import read
    from metabench.sweeps.sweep import Order, planned, swept
    from metabench.tracks.fewshot.request import Places

    further = parse_settings(option or [], "--option")
    machines = Machines(executor, jobs, cores, gpus, further, run_dir)
    order = Order(
        out, Places(run_dir, archives, cache, quiet), machines, per_job, tuple(log or ()), data
    )
    found = read(grid)
    if dry_run:
        _print_plan(*planned(found, order), order)
        return
    done = swept(found, order)
    _print_summary(done, out)
    if done.failed:
        raise typer.Exit(1)


def _print_plan(cells: list[Cell], plans: list[Plan], order: Order) -> None:
    from rich.console import Console

    from metabench.results import tables
    from metabench.sweeps.sweep import PLAN_HEAD, plan_rows

    rows, line = plan_rows(cells, plans, order)
    Console().print(tables.table(PLAN_HEAD, rows))
    print(line)


def _print_summary(done: Sweep, out: Path) -> None:
    """The best settings, and what failed."""
    from rich.console import Console

    from metabench.results import tables
    from metabench.sweeps.summary import HEAD, HOW, rows

    if done.best:
        Console().print(tables.table(HEAD, rows(done.best, done.cells)))
        print(HOW)
    for line in done.notes:
        print(line)
    given_up = f"; {done.pruned} were given up, behind in validation" if done.pruned else ""
    print(f"results: {len(done.results)} of {len(done.cells)} in {out}{given_up}")
    for line in done.failed:
        print(f"failed twice: {line}")
