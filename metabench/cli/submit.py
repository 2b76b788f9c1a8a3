"""`metabench submit` and `metabench verify`: entries, from a learner to a signature."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabench.cli import options
from metabench.cli.command import command_line
from metabench.cli.settings import parse_settings
from metabench.errors import UserError
from metabench.files.progress import say

if TYPE_CHECKING:
    from metabench.entries.replay import Finding
    from metabench.entries.verify import Verified, Wanted
    from metabench.results.result import Result


def submit(
    learner: Annotated[
        str,
        typer.Argument(
            help="Name of the learner, path/to/file.py:function, or package.module:function."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the entry; it is written last, and whole.")],
    author: Annotated[list[str], typer.Option(help="Who submits it; once for each author.")],
    protocols: Annotated[
        str, typer.Option(help="Set of protocols: quick (strokes), core (Omniglot) or full.")
    ] = "quick",
    paper: Annotated[str | None, typer.Option(help="Where the learner is described.")] = None,
    code: Annotated[str | None, typer.Option(help="Where its code is kept.")] = None,
    licence: Annotated[str | None, typer.Option(help="Under which it is given.")] = None,
    extra_data: Annotated[
        str | None, typer.Option(help="Data that it learned from beyond the training classes.")
    ] = None,
    notes: Annotated[str | None, typer.Option(help="What a reader should know.")] = None,
    set_: options.Settings = None,
    train: options.Lengths = None,
    recipe: options.Recipe = None,
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    train_once: Annotated[
        bool,
        typer.Option(
            "--train-once",
            help="Train for the first protocol of each dataset, and test that under the others.",
        ),
    ] = False,
    run_dir: options.RunDir = Path("runs"),
    force: options.Overwrite = False,
    quiet: options.Quiet = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Check LEARNER, train and test it under a set of protocols, and write an entry."""
    from metabench.entries.sets import protocol_set
    from metabench.entries.submit import Submission
    from metabench.entries.submit import submit as submitted
    from metabench.tracks.fewshot.request import Places
    from metabench.training.view import RunView

    claims = _claims(author, paper, code, licence, extra_data, notes)
    submission = Submission(
        learner,
        protocol_set(protocols),
        claims,
        parse_settings(set_ or []),
        parse_settings(train or [], "--train"),
        recipe,
        seed,
        seeds,
        train_once,
        Places(run_dir, archives, cache, quiet),
    )
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
    print(f"next: metabench verify {out} --sign NAME")


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


def verify(
    what: Annotated[
        Path, typer.Argument(help="Folder of an entry, or a result file whose run is at hand.")
    ],
    tasks: Annotated[
        int, typer.Option(help="Test tasks to replay of each result, chosen at random.", min=1)
    ] = 20,
    all_: Annotated[bool, typer.Option("--all", help="Replay all test tasks.")] = False,
    choose: Annotated[
        int | None, typer.Option(help="Seed of the choice of tasks; a new one if not given.", min=0)
    ] = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train again by the recipe, and compare.")
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="The code of the entry's learner may be run here.")
    ] = False,
    sign: Annotated[
        str | None, typer.Option(help="Your name: where all holds, sign the results with it.")
    ] = None,
    learner: Annotated[
        str | None, typer.Option(help="The learner of a result file, if no package registers it.")
    ] = None,
    run_dir: options.RunDir = Path("runs"),
    quiet: options.Quiet = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Hold an entry, or one result, against what its trained states answer here."""
    from metabench.entries.verify import Wanted
    from metabench.tracks.fewshot.request import Places
    from metabench.training.view import RunView

    if sign is not None and not sign.strip():
        raise UserError("`sign` is empty; give your name")
    chosen = secrets.randbelow(2**31) if choose is None else choose
    with RunView(quiet) as view:
        wanted = Wanted(
            None if all_ else tasks,
            chosen,
            retrain,
            trust,
            Places(run_dir, archives, cache, quiet),
            view.watcher(),
        )
        holds = _verify(what, wanted, sign, learner)
    print(f"tasks were chosen by seed {chosen}")
    if not holds:
        raise typer.Exit(1)


def _verify(what: Path, wanted: Wanted, sign: str | None, learner: str | None) -> bool:
    from metabench.entries import folder as folders
    from metabench.entries.verify import check_entry, signed_by, verify_entry, verify_result
    from metabench.results import document

    if not what.is_dir():
        one = verify_result(what, wanted, learner)
        if _told(one) and sign is not None:
            document.write(signed_by(one, sign, wanted.retrain), what)
            print(f"signed by {sign}: {what}")
        return one.holds
    entry = folders.read(what)
    if wrong := check_entry(entry, wanted):
        print(*(f"WRONG  {one}" for one in wrong), sep="\n")
        return False
    found = []
    for one in verify_entry(entry, wanted):
        found.append(one)
        _told(one)  # as soon as it is known
    holds = all(one.holds for one in found)
    if not holds or sign is None:
        return holds
    for one in found:
        folders.sign(entry, one.place, signed_by(one, sign, wanted.retrain))
        print(f"signed by {sign}: {one.place}")
    return holds


def _told(one: Verified) -> bool:
    """Print what was found; whether all holds."""
    print(one.place)
    for finding in one.findings:
        print(_line(finding))
    return one.holds


def _line(finding: Finding) -> str:
    return f"  {'holds' if finding.holds else 'WRONG'}  {finding.what}: {finding.said}"
