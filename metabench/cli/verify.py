"""`metabench verify`: an entry held against its states, and signed."""

from __future__ import annotations

import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from metabench.cli import entry_options as entries
from metabench.cli import options
from metabench.errors import UserError

if TYPE_CHECKING:
    from metabench.entries.replay import Finding
    from metabench.entries.verify import Verified, Wanted


def verify(
    entry: entries.Held,
    tasks: entries.Tasks = 20,
    all_: entries.AllTasks = False,
    choose: entries.Choice = None,
    retrain: entries.Retrain = False,
    canaries: entries.Canaries = False,
    looks: entries.Looks = False,
    trust: entries.Trust = False,
    sign: entries.Signer = None,
    learner: entries.OfResult = None,
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
            canaries,
            looks,
            trust,
            Places(run_dir, archives, cache, quiet),
            view.watcher(),
        )
        holds = _verify(entry, wanted, sign, learner)
    print(f"tasks were chosen by seed {chosen}")
    if not holds:
        raise typer.Exit(1)


def _verify(what: Path, wanted: Wanted, sign: str | None, learner: str | None) -> bool:
    from metabench.entries import folder as folders
    from metabench.entries.verify import check_entry, signed_by, verify_entry, verify_result

    if not what.exists():
        raise UserError(f"`entry` names {what}, but there is no such folder or result file")
    if not what.is_dir() and (other := _of_another_track(what, wanted, sign, learner)) is not None:
        return other
    if not what.is_dir():
        one = verify_result(what, wanted, learner)
        if _told(one):
            _keep(one, what, sign, wanted.retrain)
        return one.holds
    if wanted.looks:
        raise UserError(f"`entry` {what} is an entry, which has its looks; leave `looks` out")
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
    print(f"next: metabench accept {shlex.quote(str(what))} --into leaderboards")
    return holds


def _of_another_track(
    path: Path, wanted: Wanted, sign: str | None, learner: str | None
) -> bool | None:
    """Whether a forecast or an optimizer holds; None if the file is of the few-shot track."""
    from metabench.entries import other_tracks
    from metabench.results import head

    if head.read(path)["track"] == "fewshot":
        return None
    one = other_tracks.verify_document(path, wanted, learner)
    print(path, *(_line(finding) for finding in one.findings), sep="\n")
    if one.holds and sign is not None:
        other_tracks.sign(one, sign)
        print(f"signed by {sign}: {path}")
    return one.holds


def _keep(one: Verified, path: Path, sign: str | None, retrain: bool) -> None:
    """Write what is new of a result file: canaries, a signature, looks."""
    from metabench.entries.verify import signed_by
    from metabench.results import document, looks

    made = signed_by(one, sign, retrain)
    if made != document.read(path):
        document.write(made, path)
        print(f"written: {path}" if sign is None else f"signed by {sign}: {path}")
    if one.looks:
        looks.write(made, one.looks, path)
        print(f"looks: {looks.place(path)}")


def _told(one: Verified) -> bool:
    """Print what was found; whether all holds."""
    print(one.place)
    for finding in one.findings:
        print(_line(finding))
    return one.holds


def _line(finding: Finding) -> str:
    return f"  {'holds' if finding.holds else 'WRONG'}  {finding.what}: {finding.said}"
