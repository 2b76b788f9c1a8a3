"""A sweep from its grid to its summary; it prints nothing but progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from metabench.compute.residence import check_place
from metabench.errors import UserError
from metabench.files.publish import check_writable
from metabench.results.collected import collect
from metabench.results.result import Result
from metabench.sweeps.cells import SEEDS, Cell, Run, cells_of
from metabench.sweeps.estimate import hours_of
from metabench.sweeps.executors.executor import Executor, Machines, check_machines, opened
from metabench.sweeps.files import result_of
from metabench.sweeps.grid import Grid
from metabench.sweeps.schedule import Schedule, there
from metabench.sweeps.spec import PROGRAMS, to_spec
from metabench.sweeps.studies import Plan, Pointer, Study, locked, plans_of
from metabench.sweeps.summary import Best, best_of, labels, without_choice
from metabench.sweeps.view import SweepView
from metabench.tracks.fewshot.request import Places
from metabench.training.logs.log import check_logs

PLAN_HEAD = ("protocol", "learner", "settings", "seeds", "there", "hours")


@dataclass(frozen=True)
class Sweep:
    """What came of a sweep."""

    results: tuple[Result, ...]  # one for each learner, choice of settings, and protocol
    best: tuple[Best, ...]  # of each protocol and learner, by validation
    failed: tuple[str, ...]  # a sentence for each run that failed twice
    notes: tuple[str, ...] = ()  # learners without a choice
    cells: tuple[Cell, ...] = field(default=(), repr=False)
    pruned: int = 0  # settings that a search gave up, as they were behind in validation


class Order(NamedTuple):
    """How a sweep is to be run."""

    out: Path = Path("leaderboards")
    places: Places = Places()
    machines: Machines = Machines()
    per_job: int = 1  # runs in one process
    logs: tuple[str, ...] = ()  # where trainings are logged
    data: str | None = None  # where images lie, see `compute/residence.py`


def planned(grid: Grid, order: Order) -> tuple[list[Cell], list[Plan]]:
    """The cells and the studies of a grid, checked; nothing is written but prepared data.

    Raises:
      UserError: a mistake in the grid or the order.
    """
    check_machines(order.machines)
    check_logs(order.logs)
    check_place(order.data)
    if order.per_job < 1:
        raise UserError(f"`per_job` is {order.per_job}; it must be at least 1")
    return cells_of(grid, order.out, order.places), plans_of(grid, order.out, order.places)


def swept(grid: Grid, order: Order) -> Sweep:
    """Run whatever of a grid has no result yet, and choose the best settings.

    Raises:
      UserError: a mistake in the grid or the order; nothing has been run then.
    """
    cells, plans = planned(grid, order)
    for folder in (order.out, order.places.run_dir / SEEDS):
        check_writable(folder / "result.json")
    executor, pruned = opened(order.machines), 0
    try:
        with SweepView(cells, order.places.quiet) as view:
            failed = run_cells(cells, executor, order, view).failed
            if plans:
                trials, pruned = _search(plans, executor, order, view, failed)
                cells = [*cells, *trials]
            sentences = [f"{view.name(path)}: {said}" for path, said in failed.items()]
    finally:
        executor.close()
    return summed_up(cells, sentences, pruned)


def run_cells(
    cells: Sequence[Cell],
    executor: Executor,
    order: Order,
    view: SweepView,
    only: int | None = None,
    trials: Mapping[Path, Pointer] | None = None,
) -> Schedule:
    """Run what is missing of some cells.

    Args:
      cells: planned.
      executor: ready.
      order: of the sweep.
      view: that shows it.
      only: so many seeds of each cell; None: all.
      trials: of a search, by the results' paths; their runs may be pruned.
    """

    def spec(run: Run) -> dict[str, Any]:
        return spec_of(run, order) | {"trial": (trials or {}).get(run.path)}

    schedule = Schedule(cells, executor, spec, order.per_job, only, told=view.told)
    schedule.run()
    return schedule


def _search(
    plans: Sequence[Plan],
    executor: Executor,
    order: Order,
    view: SweepView,
    failed: dict[Path, str],
) -> tuple[list[Cell], int]:
    """Run the trials of all studies, one of each at a time; the cells, and how many were pruned."""
    pruned = 0
    with ExitStack() as stack:
        locked(plans, stack)
        studies = [Study(plan) for plan in plans]
        while asked := [(one, cell) for one in studies if (cell := one.ask()) is not None]:
            cells = [cell for _, cell in asked]
            view.add(cells)
            trials = {cell.runs[0].path: one.pointer() for one, cell in asked}
            first = run_cells(cells, executor, order, view, 1, trials)
            ended = first.pruned | set(first.failed)
            going = [cell for cell in cells if cell.runs[0].path not in ended]
            rest = run_cells(going, executor, order, view)
            failed |= first.failed | rest.failed
            for one, cell in asked:
                given_up = cell.runs[0].path in first.pruned
                pruned += given_up
                one.tell(cell, given_up)
        found = {cell.path: cell for one in studies for cell in one.told()}
    return list(found.values()), pruned


def spec_of(run: Run, order: Order) -> dict[str, Any]:
    """What is handed to an executor: the programs that JAX compiles are kept where ours are."""
    import jax

    return to_spec(run, getattr(jax.config, PROGRAMS), order.logs, order.data)


def summed_up(cells: Sequence[Cell], failed: Sequence[str], pruned: int = 0) -> Sweep:
    """What is there of some cells."""
    found = [(cell, result) for cell in cells if (result := result_of(cell)) is not None]
    return Sweep(
        results=tuple(result for _, result in found),
        best=tuple(best_of(found)),
        failed=tuple(failed),
        notes=tuple(without_choice(found)),
        cells=tuple(cells),
        pruned=pruned,
    )


def plan_rows(
    cells: Sequence[Cell], plans: Sequence[Plan], order: Order
) -> tuple[list[tuple[str, ...]], str]:
    """The table of a sweep that is not run, under `PLAN_HEAD`, and a line of what is left to do."""
    earlier = collect(order.out).results if order.out.is_dir() else []
    rows, left, hours, unknown = list[tuple[str, ...]](), 0, 0.0, 0
    named = labels(cells)
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
                named[cell.path],
                " ".join(str(run.seed) for run in cell.runs),
                f"{done}/{len(cell.runs)}",
                "" if not missing else "unknown" if each is None else f"{missing * each:.2f}",
            )
        )
    rows += [_study_row(plan, earlier) for plan in plans]
    total = sum(len(cell.runs) for cell in cells)
    line = f"{total} runs, of which {total - left} have results"
    if left > unknown:
        line += f"; about {hours:.2f} hours are left, of one run at a time"
    if unknown:
        line += f"; no result here tells how long {unknown} of them take"
    if plans:
        trials = sum(plan.search.trials for plan in plans)
        line += f"; a search of {trials} trials comes on top"
    return rows, line


def _study_row(plan: Plan, earlier: Sequence[Result]) -> tuple[str, ...]:
    """The line of a search: its hours are those of all trials, if none is there and none pruned."""
    each, runs = hours_of(plan.example, earlier), plan.search.trials * len(plan.example.runs)
    return (
        plan.example.protocol.id,
        plan.example.learner,
        f"{plan.search.trials} trials of {', '.join(plan.ranges)}",
        " ".join(str(run.seed) for run in plan.example.runs),
        "",
        "unknown" if each is None else f"{runs * each:.2f}",
    )
