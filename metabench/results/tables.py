"""From rows to cells and tables for terminals. No ranking, and no arithmetic except percent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from metabench.results.costs import mean_cost, parameters_of, train_seconds, train_seconds_of
from metabench.results.diverged import warnings
from metabench.results.intervals import Interval, by_presentation, errors, overall, seed_spread
from metabench.results.published import published_for, typed
from metabench.results.quotes import quotes
from metabench.results.ranking import Row
from metabench.results.result import Result
from metabench.results.status import status_of

if TYPE_CHECKING:
    from rich.table import Table

Cells = Sequence[str]

RESULT_HEAD = ("", "accuracy %", "95 % interval", "seed spread", "paper %")
BOARD_HEAD = (
    "#", "learner", "accuracy %", "behind the first", "seed spread", "paper %", "status", "front"
)  # fmt: skip
DETAILS_HEAD = (
    "parameters", "transductive", "training, minutes", "recipe", "commit",
    "episode error", "seed error", "adaptation, ms", "peak memory, MB",
)  # fmt: skip
LEGEND = (
    "± is the half-width of a 95 % interval over test episodes, and over training seeds where an "
    "entry has several. # is the rank, or the range of ranks that an entry may have: by paired "
    "tests of all pairs of its board, corrected by Holm, as many entries are better as are before "
    "the range, and as many are worse as are after it. † marks a difference in which an entry has "
    "one training seed: another training may change its sign. ! marks an entry whose run warned of "
    "answers that are no numbers or all alike, or of a training that diverged. Status (in tables "
    "of 100 columns or more) is claimed until somebody has replayed or retrained the entry. Front "
    "(there too): no entry of the board is as accurate and cheaper in p parameters, t training "
    "seconds, a adaptation time."
)
WIDE = 100  # columns of a terminal from which all columns of a board are shown
ONE_SEED = "†"


def percent(fraction: float) -> str:
    """0.98123 as `98.12`."""
    return f"{100 * fraction:.2f}"


def result_cells(result: Result) -> list[Cells]:
    """A line for each seed and, if there are several, one for all of them."""
    lines = [
        (f"seed {run.seed}", percent(run.accuracy), f"± {percent(run.ci95)}", "", "")
        for run in result.runs
    ]
    summary = overall(result)
    figures = (percent(summary.mean), f"± {percent(summary.ci95)}")
    together = (*figures, _spread(result), _paper(result))
    return [*(lines if len(lines) > 1 else []), (result.learner, *together)]


def presentation_lines(result: Result) -> list[str]:
    """Online protocol: a line for each presentation of a class; else nothing."""
    if result.protocol.labels is None:
        return []
    found = [
        f"  {number:>2}: {percent(one.mean):>6} ± {percent(one.ci95)}"
        for number, one in enumerate(by_presentation(result), start=1)
    ]
    return ["accuracy % at the k-th presentation of a class (no k-shot figure):", *found]


def board_cells(rows: Sequence[Row]) -> list[Cells]:
    """A line for each row of one protocol's leaderboard."""
    return [_board_line(row, name) for name, row in zip(named(rows), rows, strict=True)]


def fitting(cells: Cells, width: int) -> Cells:
    """The cells of a board's line for a terminal of so many columns: all, or all but two."""
    return cells if width >= WIDE else cells[: BOARD_HEAD.index("status")]


def _board_line(row: Row, name: str) -> Cells:
    return (
        row.place,
        f"{name} !" if warnings(row.result) else name,
        plus_minus(row.accuracy),
        difference(row.behind),
        _spread(row.result),
        _paper(row.result),
        status_of(row.result),
        " ".join(axis[0] for axis in row.fronts),
    )


def plus_minus(interval: Interval) -> str:
    """A mean and the half-width of its interval in percent."""
    return f"{percent(interval.mean)} ± {percent(interval.ci95)}"


def difference(gap: Interval | None) -> str:
    """A paired difference to the first entry, with a mark where an entry has one seed."""
    if gap is None:
        return ""
    return plus_minus(gap) + (ONE_SEED if gap.one_seed else "")


def _spread(result: Result) -> str:
    if not result.trained:
        return "not trained"
    spread = seed_spread(result)
    return "one seed" if spread is None else percent(spread)


def _paper(result: Result) -> str:
    paper = published_for(result)
    return str(paper.accuracy) if paper else "none"


def named(rows: Sequence[Row]) -> dict[str, Result]:
    """The results of one board, named by the options in which they differ."""
    return named_results([row.result for row in rows])


def named_results(results: Sequence[Result]) -> dict[str, Result]:
    """As `named`, of results that are not ranked."""
    found: dict[str, Result] = {}
    for result in results:
        name = _told_apart(result, results)
        while name in found:  # the recipe or the seeds differ
            name += "'"
        found[name] = result
    return found


def _told_apart(result: Result, results: Iterable[Result]) -> str:
    """The learner's name, with the options in which its entries on this board differ.

    Options that hold others, or that an entry's file lacks, are named only if it takes them.
    """
    same = [other for other in results if other.learner == result.learner]
    differing = [
        name
        for name, value in result.hyperparameters.items()
        if any(other.hyperparameters.get(name) != value for other in same)
    ]
    short = [
        name
        for name in differing
        if all(isinstance(other.hyperparameters.get(name, {}), str | int | float) for other in same)
    ]
    texts = {tuple(str(other.hyperparameters[name]) for name in short) for other in same}
    options = short if len(texts) == len(same) else differing
    found = [f"{name}={typed(result.hyperparameters[name])}" for name in options]
    if any(select_of(other) != select_of(result) for other in same):
        found.append(f"select={select_of(result)}")
    told = ", ".join(found)
    return f"{result.learner} ({told})" if told else result.learner


def select_of(result: Result) -> str:
    """Which state of the training was tested: `best` in validation, or the `last`."""
    return str(result.recipe.get("train", {}).get("select", "best"))


def _tested(result: Result) -> str:
    """The steps after which each seed's state was tested, and how they were chosen."""
    steps = " / ".join(f"{run.best_step:,}" for run in result.runs)
    how = {"best": "the best on validation classes", "last": "the last"}[select_of(result)]
    return f"tested: step {steps} of {result.runs[0].train_steps:,}, {how}"


def details_cells(rows: Iterable[Row]) -> list[Cells]:
    """The details of a page, a line for each row."""
    return [_details(row.result) for row in rows]


def _details(result: Result) -> Cells:
    minutes, found = train_seconds_of(result) / 60, errors(result)
    return (
        _parameters(result),
        "yes" if result.transductive else "no",
        f"{minutes:.1f}" if minutes else "none",
        str(result.recipe["name"]) + (", last step" if select_of(result) == "last" else ""),
        str(result.environment["commit"])[:8],
        percent(found.episodes),
        "none" if found.seeds is None else percent(found.seeds),
        f"{mean_cost(result, 'adaptation_ms'):.2f}",
        f"{mean_cost(result, 'peak_memory_mb'):,.0f}",
    )


def _parameters(result: Result) -> str:
    """How many numbers were learned; of what a learner builds on, the name at least.

    Results of metabench 0.1.0 do not count the parameters of a source.
    """
    count = parameters_of(result)
    return f"those of {result.recipe['source']['name']}" if count is None else f"{count:,}"


def table(head: Cells, lines: Iterable[Cells]) -> Table:
    """A table for the terminal: names to the left, figures to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    drawn = Table(box=SIMPLE_HEAD)
    for name in head:
        side: Literal["left", "right"] = "left" if name in ("", "#", "learner") else "right"
        drawn.add_column(name, justify=side, overflow="fold")
    for line in lines:
        drawn.add_row(*line)
    return drawn


def text_table(head: Cells, lines: Iterable[Cells], width: int = 160) -> str:
    """The same as text."""
    from io import StringIO

    from rich.console import Console

    found = StringIO()
    Console(file=found, width=width).print(table(head, lines))
    return found.getvalue()


def caption(result: Result) -> list[str]:
    """What the interval covers, papers' figures, and the cost of the run: a line for each."""
    costs = [run.cost for run in result.runs]
    minutes = " + ".join(f"{train_seconds(run) / 60:.1f}" for run in result.runs)
    cost = (
        f"cost: training {minutes} min, testing {costs[-1]['test_episodes_per_second']:.0f} "
        f"episodes/s, adaptation {costs[-1]['adaptation_ms']:.2f} ms, "
        f"{_parameters(result)} parameters, peak {costs[-1]['peak_memory_mb']:.0f} MB"
    )
    papers = [
        line
        for heading, lines in quotes({result.learner: result})
        for line in (f"{heading}:", *(f"  {line}" for line in lines))
    ]
    step = [_tested(result)] if result.trained else []
    return [*step, _covered(result), *papers, cost]


def _covered(result: Result) -> str:
    if not result.trained:
        return "interval: over test episodes; nothing was trained"
    if len(result.runs) == 1:
        return "interval: over test episodes; one training seed, so it says nothing of another one"
    return "interval: over test episodes; in the last line over training seeds and episodes"
