"""`metabench submit`: from a learner to an entry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabench.cli import entry_options as entries
from metabench.cli import options
from metabench.cli.canaries import tell_canaries
from metabench.cli.command import command_line
from metabench.cli.settings import parse_settings
from metabench.errors import UserError
from metabench.files.progress import say

if TYPE_CHECKING:
    from metabench.entries.submit import Submission
    from metabench.results.result import Result


def submit(
    learner: entries.Submitted,
    out: entries.Folder,
    author: entries.Authors,
    protocols: entries.Set = "quick",
    paper: entries.Paper = None,
    code: entries.Code = None,
    licence: entries.Licence = None,
    extra_data: entries.ExtraData = None,
    notes: entries.Notes = None,
    set_: options.Settings = None,
    train: options.Lengths = None,
    recipe: options.Recipe = None,
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    train_once: entries.TrainOnce = False,
    run_dir: options.RunDir = Path("runs"),
    force: options.Overwrite = False,
    quiet: options.Quiet = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Check LEARNER, train and test it under a set of protocols, and write an entry."""
    from metabench.entries.sets import protocol_set
    from metabench.entries.submit import Submission
    from metabench.tracks.fewshot.request import Places

    claims = _claims(author, paper, code, licence, extra_data, notes)
    settings, lengths = parse_settings(set_ or []), parse_settings(train or [], "--train")
    submission = Submission(
        learner, protocol_set(protocols), claims, settings, lengths, recipe, seed, seeds,
        train_once, Places(run_dir, archives, cache, quiet),
    )  # fmt: skip
    _execute(submission, out, force, quiet)


def _execute(submission: Submission, out: Path, force: bool, quiet: bool) -> None:
    from metabench.entries.source import verify_command
    from metabench.entries.submit import submit as submitted
    from metabench.training.view import RunView

    with RunView(quiet) as view:
        entry = submitted(
            submission,
            out,
            command=command_line(),
            replaces=force,
            say=lambda text: say(text, not quiet),
            watcher=view.watcher(),
        )
    _show(entry.results.values())
    print(f"entry: {out}")
    print(f"next: {verify_command(entry.about['learner'], out)}")


def _claims(authors: list[str], *others: str | None) -> dict[str, Any]:
    names = ("paper", "code", "licence", "extra_data", "notes")
    found = {name: one for name, one in zip(names, others, strict=True) if one is not None}
    for name, one in {**found, **dict.fromkeys(("author",) if "" in authors else (), "")}.items():
        if not one.strip():
            raise UserError(f"`{name.replace('_', '-')}` is empty; say something, or leave it out")
    return {"authors": list(authors), **found}


def _show(results: Iterable[Result]) -> None:
    from metabench.results.intervals import overall
    from metabench.results.tables import plus_minus

    for result in results:
        print(f"{result.protocol.id}: {plus_minus(overall(result))} %")
        tell_canaries(result.canaries or ())
