"""From rows to tables for terminals and Markdown. No ranking, and no arithmetic except percent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from metabench.results.ranking import (
    Row,
    by_presentation,
    overall,
    paired_at,
    published_for,
    published_online,
    seed_spread,
)
from metabench.results.result import Result, SeedRun

if TYPE_CHECKING:
    from rich.table import Table

Cells = Sequence[str]

RESULT_HEAD = ("", "accuracy %", "95 % interval", "seed spread", "paper %")
BOARD_HEAD = ("#", "learner", "accuracy %", "behind the first", "seed spread", "paper %")
DETAILS_HEAD = ("parameters", "transductive", "training, minutes", "recipe", "commit")
PRESENTATIONS = (1, 2, 3, 4, 5, 10)  # those of the papers' tables
ONLINE_PICTURE = "by-presentation.png"  # beside the result files


def percent(fraction: float) -> str:
    """0.98123 as `98.12`."""
    return f"{100 * fraction:.2f}"


def result_cells(result: Result) -> list[Cells]:
    """A line for each seed and, if there are several, one for all of them."""
    paper = published_for(result)
    quoted = f"{paper.accuracy:.1f}" if paper else "none"
    lines = [
        (f"seed {run.seed}", percent(run.accuracy), f"± {percent(run.ci95)}", "", "")
        for run in result.runs
    ]
    summary, spread = overall(result), seed_spread(result)
    deviation = "one seed" if spread is None else percent(spread)
    together = (percent(summary.mean), f"± {percent(summary.ci95)}", deviation, quoted)
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
    return [_board_line(row, _told_apart(row.result, rows)) for row in rows]


def _board_line(row: Row, name: str) -> Cells:
    paper, behind = published_for(row.result), row.behind
    return (
        str(row.rank),
        name,
        f"{percent(row.mean)} ± {percent(row.ci95)}",
        "" if behind is None else f"{percent(behind.mean)} ± {percent(behind.ci95)}",
        "one seed" if row.seed_spread is None else percent(row.seed_spread),
        f"{paper.accuracy:.1f}" if paper else "none",
    )


def _told_apart(result: Result, rows: Iterable[Row]) -> str:
    """The learner's name, with the options in which its entries on this board differ."""
    same = [row.result for row in rows if row.result.learner == result.learner]
    options = [
        name
        for name, value in result.hyperparameters.items()
        if any(other.hyperparameters.get(name) != value for other in same)
    ]
    found = [f"{name}={result.hyperparameters[name]}" for name in options]
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
    minutes = max(map(train_seconds, result.runs)) / 60
    return (
        _parameters(result),
        "yes" if result.transductive else "no",
        f"{minutes:.1f}" if minutes else "none",
        str(result.recipe["name"]) + (", last step" if select_of(result) == "last" else ""),
        str(result.environment["commit"])[:8],
    )


def _parameters(result: Result) -> str:
    """How many numbers were learned; of what a learner builds on, the name at least.

    Results of metabench 0.1.0 do not count the parameters of a source.
    """
    source = result.recipe.get("source")
    if source is not None and result.parameter_count == 0:
        return f"those of {source['name']}"
    return f"{result.parameter_count:,}"


def train_seconds(run: SeedRun) -> float:
    """Of meta-training and of the source's training, where there is one."""
    return run.cost["train_seconds"] + run.cost.get("source_seconds", 0.0)


def table(head: Cells, lines: Iterable[Cells]) -> Table:
    """A table for the terminal: names to the left, figures to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    drawn = Table(box=SIMPLE_HEAD)
    for name in head:
        drawn.add_column(name, justify="left" if name in ("", "#", "learner") else "right")
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


def markdown(boards: Mapping[tuple[str, str, str], Sequence[Row]]) -> str:
    """All leaderboards as one Markdown page."""
    parts = [
        "# Leaderboards",
        "Made by `metabench leaderboard --markdown leaderboards/README.md` from the result files "
        "in the folders beside this page; never edited by hand.",
        "Accuracy is the mean over test episodes and training seeds with the 95 % interval over "
        "episodes; *behind the first* is the mean difference in the same episodes with its own "
        "interval; *seed spread* is the standard deviation over training seeds. *Training* counts "
        "the learner on whose embedding an entry builds, too. What is tested is the best step on "
        "the validation classes, unless *recipe* says that it is the last step.",
    ]
    for (protocol, dataset, episodes), rows in boards.items():
        parts.append(f"## {protocol}")
        parts.append(f"Dataset digest `{dataset[:12]}`, episode digest `{episodes[:12]}`.")
        lines = zip(board_cells(rows), details_cells(rows), strict=True)
        joined = [(*line, *details) for line, details in lines]
        parts.append(_markdown_table((*BOARD_HEAD, *DETAILS_HEAD), joined))
        parts += _online_part(rows)
        commands = [f"{row.rank}. `{row.result.command}`" for row in rows]
        parts.append("\n".join(commands))
    return "\n\n".join(parts) + "\n"


def named(rows: Sequence[Row]) -> dict[str, Result]:
    """The results of one board, named by the options in which they differ."""
    return {_told_apart(row.result, rows): row.result for row in rows}


def _online_part(rows: Sequence[Row]) -> list[str]:
    """Online protocol: accuracy by presentation, the papers', and a picture; else nothing."""
    protocol = rows[0].result.protocol
    if protocol.labels is None:
        return []
    shown = [number for number in PRESENTATIONS if number <= protocol.query]
    compared = (shown[1], shown[-1])
    behind = [f"behind the first, {number}." for number in compared]
    head = ["learner", *(f"{number}." for number in shown), *behind]
    return [
        "Accuracy % at the k-th presentation of a class; these are no k-shot figures "
        "([docs/protocols.md](../docs/protocols.md#the-online-protocol)).",
        _markdown_table(head, _online_lines(rows, shown, compared)),
        f"![accuracy by presentation]({protocol.id}/{ONLINE_PICTURE})",
    ]


def _online_lines(
    rows: Sequence[Row], shown: Sequence[int], compared: Sequence[int]
) -> list[Cells]:
    """A line for each result, then for each row of the papers' tables."""
    lines: list[Cells] = []
    for name, result in named(rows).items():
        found = by_presentation(result)
        cells = [f"{percent(found[n - 1].mean)} ± {percent(found[n - 1].ci95)}" for n in shown]
        first = rows[0].result
        gaps = [paired_at(first, result, number) for number in compared]
        told = ["" if result is first else f"{percent(g.mean)} ± {percent(g.ci95)}" for g in gaps]
        lines.append([name, *cells, *told])
    for paper in published_online(rows[0].result.protocol):
        figures = [str(paper.accuracy.get(str(number), "")) for number in shown]
        note = f"; {paper.note}" if paper.note else ""
        lines.append(
            [
                f"*{paper.learner} ({paper.paper} {paper.year}{note})*",
                *figures,
                *("" for _ in compared),
            ]
        )
    return lines


def _markdown_table(head: Cells, lines: Iterable[Cells]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def caption(result: Result) -> list[str]:
    """Lines on the published figure's source, the step that was tested, and the cost of the run."""
    paper, costs = published_for(result), [run.cost for run in result.runs]
    minutes = " + ".join(f"{train_seconds(run) / 60:.1f}" for run in result.runs)
    cost = (
        f"cost: training {minutes} min, testing {costs[-1]['test_episodes_per_second']:.0f} "
        f"episodes/s, adaptation {costs[-1]['adaptation_ms']:.2f} ms, "
        f"{_parameters(result)} parameters, peak {costs[-1]['peak_memory_mb']:.0f} MB"
    )
    lines = [cost] if result.runs[0].train_steps == 0 else [_tested(result), cost]
    return [f"paper: {paper.paper} {paper.year}, {paper.note}", *lines] if paper else lines
