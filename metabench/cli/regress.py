"""`metabench regress`: results of a baseline made again, and an end with 1 where one dropped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from metabench.cli import options
from metabench.cli.command import command_line
from metabench.errors import UserError
from metabench.files.progress import say

if TYPE_CHECKING:
    from metabench.guard.measure import Wish
    from metabench.guard.verdicts import Verdict
    from metabench.registry import AnyLearner
    from metabench.results.result import Result

SUMMARY = "GITHUB_STEP_SUMMARY"


def regress(
    baseline: options.Baseline = Path("leaderboards/ci"),
    tier: options.Tier = "fast",
    learner: options.GuardedLearners = None,
    seed: options.Seed = 0,
    seeds: options.FreshSeeds = None,
    margin: options.Margin = 0.02,
    alpha: options.Alpha = 0.01,
    jobs: options.Jobs = 1,
    optimised: options.Optimised = False,
    renew: options.Renew = False,
    out: options.RegressOut = None,
    summary: options.Summary = None,
    force: options.Overwrite = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Make a baseline's results again, and fail where an accuracy dropped."""
    from metabench import registry
    from metabench.guard.baseline import documents, folder_of
    from metabench.guard.measure import Wish
    from metabench.training.lengths import check_seeds

    check_seeds(seed, 1 if seeds is None else seeds)
    _check(margin, alpha, jobs)
    named: Mapping[str, AnyLearner] = {registry.learner(one).name: one for one in learner or []}
    found = documents(folder_of(baseline, tier), list(named.values()))
    wish = Wish(
        seed, seeds or 1, margin=margin, quick=not optimised, learners=named, archives=archives,
        cache=cache,
    )  # fmt: skip
    if renew:
        _renew(found, wish, seeds)
        return
    _check_places(out, summary, force)
    listed = _compare(_named(found), wish, alpha, jobs)
    _tell(listed, tier, margin, alpha, out, summary)
    if any(one.fails for one in listed):
        raise typer.Exit(1)


def _check(margin: float, alpha: float, jobs: int) -> None:
    for name, value in (("margin", margin), ("alpha", alpha)):
        if not 0 <= value < 1:
            raise UserError(f"`{name}` is {value:g}; it must be at least 0 and below 1")
    if jobs < 1:
        raise UserError(f"`jobs` is {jobs}; it must be at least 1")


def _check_places(out: Path | None, summary: Path | None, force: bool) -> None:
    from metabench.cli.outputs import check_out, check_replaceable
    from metabench.files.publish import check_writable

    if out is not None:
        check_out(out, ".json")
        check_replaceable(out, force)
    if summary is not None:
        check_writable(summary)


def _named(found: Mapping[Path, Result]) -> dict[str, Result]:
    """By learner; by file where a learner has several."""
    learners = [one.learner for one in found.values()]
    return {
        one.learner if learners.count(one.learner) == 1 else path.stem: one
        for path, one in found.items()
    }


def _compare(results: Mapping[str, Result], wish: Wish, alpha: float, jobs: int) -> list[Verdict]:
    from metabench.guard.measure import remade
    from metabench.guard.verdicts import Fresh, verdicts

    fresh: dict[str, Fresh] = {}
    for name, one in remade(results, wish, jobs):
        fresh[name] = one
        now = f"{100 * one.accuracy.mean():.1f} %" if one.broken is None else one.broken
        before = 100 * one.baseline.accuracy
        say(f"{len(fresh)}/{len(results)} {name}: {now} (baseline {before:.1f} %)")
    return verdicts({name: fresh[name] for name in results}, wish.margin, alpha)


def _tell(
    listed: list[Verdict],
    tier: str,
    margin: float,
    alpha: float,
    out: Path | None,
    summary: Path | None,
) -> None:
    """Print the table, and write the document and the step summary."""
    from rich.console import Console

    from metabench.cli.outputs import told
    from metabench.files.canonical import canonical
    from metabench.files.publish import write_text
    from metabench.guard import report
    from metabench.guard.verdicts import as_document
    from metabench.results import tables

    page = report.markdown(listed, tier=tier, margin=margin, alpha=alpha)
    if out is not None:
        document = as_document(listed, tier=tier, margin=margin, alpha=alpha)
        write_text(out, canonical({"command": command_line(), **document}))
    if summary is not None:
        write_text(summary, page)
    elif os.environ.get(SUMMARY):  # GitHub's own file may hold what earlier steps wrote
        with Path(os.environ[SUMMARY]).open("a", encoding="utf-8") as file:
            file.write(page)
    with told(out):
        Console().print(tables.table(report.HEAD, report.cells(listed)))
        print(*report.sentences(listed, margin, alpha), sep="\n")


def _renew(found: Mapping[Path, Result], wish: Wish, seeds: int | None) -> None:
    """Write each document again, with as many seeds as it had or as are asked for."""
    from metabench.guard.measure import renewed
    from metabench.results.document import write

    for path, result in found.items():
        number = len(result.runs) if seeds is None else seeds
        made = renewed(result, range(wish.seed, wish.seed + number), result.command, wish)
        write(made, path)
        print(f"{path}: {100 * result.accuracy:.1f} % before, {100 * made.accuracy:.1f} % now")
