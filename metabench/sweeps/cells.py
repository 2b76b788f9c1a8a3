"""From a grid to its cells: one learner with one choice of settings under one protocol, checked.

A cell ends in one result file of a board, with all seeds of the grid; each of its seeds is a run of
its own, whose result lies below the folder of checkpoints until the cell is whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metabench import registry
from metabench.contracts.options import check_options
from metabench.errors import UserError
from metabench.sweeps.grid import Axes, Grid
from metabench.sweeps.search import Search, Span, ends, trials_of
from metabench.tracks.fewshot.checks import depends_on_seed
from metabench.tracks.fewshot.plan import Plan
from metabench.tracks.fewshot.request import Asked, Places, Request, asked_of, plan_of
from metabench.tracks.fewshot.run import place
from metabench.types import Protocol

SEEDS = "seeds"  # the folder of single seeds' results, below that of checkpoints


@dataclass(frozen=True)
class Run:
    """One seed of a cell: what an executor runs."""

    request: Request
    protocol: str  # its id
    path: Path  # of its result

    @property
    def seed(self) -> int:
        """Of its training."""
        return self.request.seed


@dataclass(frozen=True)
class Cell:
    """One learner with one choice of settings under one protocol."""

    learner: str
    protocol: Protocol
    chosen: Mapping[str, Any]  # what the grid chose, for people
    path: Path  # of the result in the board
    runs: tuple[Run, ...]
    steps: int  # of each training; 0 where nothing is trained
    dataset_digest: str


def cells_of(
    grid: Grid,
    out: Path,
    places: Places,
) -> list[Cell]:
    """Every cell of a grid, each planned as `metabench run` plans it; nothing is trained.

    Learners whose settings optuna chooses are left out (`studies.py`).

    A learner without training takes no lengths, and one that draws nothing at random has one seed.

    Args:
      grid: from `grid.read`.
      out: folder of the board.
      places: of checkpoints, archives and prepared data.

    Raises:
      UserError: a mistake in any of them; nothing has been run then.
    """
    for name in grid.learners:
        _check_learner(grid, name)
    found: dict[Path, Cell] = {}
    asks = grid.search is not None and grid.search.method == "optuna"
    studied = tuple(grid.search.ranges) if asks and grid.search is not None else ()
    names = tuple(name for name in grid.learners if name not in studied)
    for _, request in requests_of(grid, places, names):
        one = cell_of(request, grid.seeds, out)
        found.setdefault(one.path, one)  # a search may draw the same twice
    return list(found.values())


def requests_of(
    grid: Grid, places: Places, learners: Sequence[str]
) -> Iterator[tuple[str, Request]]:
    """Every request of a grid for these of its learners, with the learner's name in the grid."""
    for tested, name in itertools.product(_protocols(grid.protocols), learners):
        for request in _requests(grid, name, tested, places):
            yield name, request


def cell_of(request: Request, seeds: Sequence[int], out: Path) -> Cell:
    """The cell of one request; what an untrained learner does not take is left out of it."""
    request, plan = _planned(request)
    seeds = tuple(seeds) if depends_on_seed(plan) else (seeds[0],)
    runs = []
    for seed in seeds:
        where = request.places.run_dir / SEEDS / place(replace(plan, seeds=(seed,)))
        runs.append(Run(replace(request, seed=seed, seeds=1), plan.protocol.id, where))
    recipe = request.recipe if isinstance(request.recipe, str) else None
    chosen = {**({"recipe": recipe} if recipe else {}), **request.settings, **request.train}
    return Cell(
        learner=plan.entry.name,
        protocol=plan.protocol,
        chosen=chosen,
        path=out / place(replace(plan, seeds=seeds)),
        runs=tuple(runs),
        steps=plan.lengths.steps if plan.learner.training is not None else 0,
        dataset_digest=plan.dataset.digest,
    )


def _planned(request: Request) -> tuple[Request, Plan]:
    plan = plan_of(replace(request, train={}))
    if not request.train or plan.learner.training is None:
        return replace(request, train={}), plan
    return request, plan_of(request)


def _protocols(tables: Sequence[Axes]) -> Iterator[Asked]:
    """Each protocol once."""
    met = set()
    for table in tables:
        for values in crossed(table):
            asked = asked_of(values)
            if asked not in met:
                met.add(asked)
                yield asked


def _requests(grid: Grid, name: str, tested: Asked, places: Places) -> Iterator[Request]:
    """Of every choice of recipe, settings and lengths of one learner."""
    lengths = {**grid.train, **grid.train_of.get(name, {})}
    search = None if grid.search is None else typed(grid.search, name)
    drawn = [{}] if search is None else trials_of(search, name)
    for recipe, settings, trial, train in itertools.product(
        grid.recipes.get(name, (None,)),
        crossed(grid.settings.get(name, {})),
        drawn,
        crossed(lengths),
    ):
        yield Request(name, tested, {**settings, **trial}, train, recipe, places=places)


def crossed(axes: Axes) -> Iterator[dict[str, Any]]:
    """Every choice of one value for each name."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _check_learner(grid: Grid, name: str) -> None:
    """`UserError` on a learner that is not there, or on values that its options do not admit."""
    entry = registry.learner(name)
    axes = grid.settings.get(name, {})
    longest = max(map(len, axes.values()), default=0)
    for number in range(longest):
        values = {one: axis[number % len(axis)] for one, axis in axes.items()}
        check_options(entry.name, entry.factory, registry.in_words(entry, values))
    if grid.search is None or name not in grid.search.ranges:
        return
    search = typed(grid.search, name)
    for option in search.ranges[name]:
        if option in axes:
            raise UserError(f"`search.{name}` and `settings.{name}` both have `{option}`")
        if option in registry.only_in_test(entry):
            raise UserError(
                f"`search.{name}` has `{option}`, which acts in the test alone, so validation "
                "cannot choose it; list its values in `settings`"
            )
    for values in ends(search.ranges[name]):
        check_options(entry.name, entry.factory, registry.in_words(entry, values))


def typed(search: Search, name: str) -> Search:
    """The same, with ranges of a learner's options that take fractions as ranges of fractions."""
    if name not in search.ranges:
        return search
    options = registry.options(name)
    ranges = {
        option: replace(one, whole=False)
        if isinstance(one, Span) and option in options and admits(name, option, float(one.low))
        else one
        for option, one in search.ranges[name].items()
    }
    return replace(search, ranges={**search.ranges, name: ranges})


def admits(name: str, option: str, value: object) -> bool:
    """Whether a learner's option takes a value."""
    entry = registry.learner(name)
    try:
        check_options(entry.name, entry.factory, {option: value})
    except UserError:
        return False
    return True
