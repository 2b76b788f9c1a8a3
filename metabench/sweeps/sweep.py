"""A sweep from its grid to its summary; it prints nothing but progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.results.collected import collect
from metabench.results.result import Result
from metabench.sweeps.cells import Cell, Run, cells_of
from metabench.sweeps.estimate import hours_of
from metabench.sweeps.executors.executor import Executor, Machines, check_machines, opened
from metabench.sweeps.files import result_of
from metabench.sweeps.grid import Grid
from metabench.sweeps.schedule import Schedule, there
from metabench.sweeps.spec import to_spec
from metabench.sweeps.summary import Best, best_of, label, without_choice
from metabench.sweeps.view import SweepView
from metabench.tracks.fewshot.request import Places

PLAN_HEAD = ("protocol", "learner", "settings", "seeds", "there", "hours")


@dataclass(frozen=True)
class Sweep:
    """What came of a sweep."""

    results: tuple[Result, ...]  # one for each learner, choice of settings, and protocol
    best: tuple[Best, ...]  # of each protocol and learner, by validation
    failed: tuple[str, ...]  # a sentence for each run that failed twice
    notes: tuple[str, ...] = ()  # learners without a choice
    cells: tuple[Cell, ...] = field(default=(), repr=False)


class Order(NamedTuple):
    """How a sweep is to be run."""

    out: Path = Path("leaderboards")
    places: Places = Places()
    machines: Machines = Machines()
    per_job: int = 1  # runs in one process
    logs: tuple[str, ...] = ()  # where trainings are logged


def planned(grid: Grid, order: Order) -> list[Cell]:
    """The cells of a grid, checked; nothing is run, and nothing is written but prepared data.

    Raises:
      UserError: a mistake in the grid or the order.
    """
    check_machines(order.machines)
    if order.per_job < 1:
        raise UserError(f"`per_job` is {order.per_job}; it must be at least 1")
    return cells_of(grid, order.out, order.places)


def swept(grid: Grid, order: Order) -> Sweep:
    """Run whatever of a grid has no result yet, and choose the best settings.

    Raises:
      UserError: a mistake in the grid or the order; nothing has been run then.
    """
    cells = planned(grid, order)
    for cell in cells:
        for run in cell.runs:
            spec_of(run, order)  # what cannot be handed over is told now
    executor = opened(order.machines)
    try:
        with SweepView(cells, order.places.quiet) as view:
            failed = _run(cells, executor, order, view)
    finally:
        executor.close()
    return summed_up(cells, failed)


def _run(cells: Sequence[Cell], executor: Executor, order: Order, view: SweepView) -> list[str]:
    """A sentence for each run that failed."""
    schedule = Schedule(
        cells, executor, lambda run: spec_of(run, order), order.per_job, told=view.told
    )
    schedule.run()
    return [f"{view.name(path)}: {sentence}" for path, sentence in schedule.failed.items()]


def spec_of(run: Run, order: Order) -> dict[str, Any]:
    """What is handed to an executor: the programs that JAX compiles are kept where ours are."""
    import jax

    return to_spec(run, jax.config.jax_compilation_cache_dir, order.logs)


def summed_up(cells: Sequence[Cell], failed: Sequence[str]) -> Sweep:
    """What is there of some cells."""
    found = [(cell, result) for cell in cells if (result := result_of(cell)) is not None]
    return Sweep(
        results=tuple(result for _, result in found),
        best=tuple(best_of(found)),
        failed=tuple(failed),
        notes=tuple(without_choice(found)),
        cells=tuple(cells),
    )


def plan_rows(cells: Sequence[Cell], order: Order) -> tuple[list[tuple[str, ...]], str]:
    """The table of a sweep that is not run, under `PLAN_HEAD`, and a line of what is left to do."""
    earlier = collect(order.out).results if order.out.is_dir() else []
    rows, left, hours, unknown = [], 0, 0.0, 0
    for cell in cells:
        done, each = there(cell), hours_of(cell, earlier)
        missing = len(cell.runs) - done
        left += missing
        hours += missing * (each or 0.0)
        unknown += missing if each is None else 0
        rows.append(
            (
                cell.protocol.id,
                cell.learner,
                label(cell, cells),
                " ".join(str(run.seed) for run in cell.runs),
                f"{done}/{len(cell.runs)}",
                "" if not missing else "unknown" if each is None else f"{missing * each:.2f}",
            )
        )
    total = sum(len(cell.runs) for cell in cells)
    line = f"{total} runs, of which {total - left} have results"
    if left > unknown:
        line += f"; about {hours:.2f} hours are left, of one run at a time"
    if unknown:
        line += f"; no result here tells how long {unknown} of them take"
    return rows, line
