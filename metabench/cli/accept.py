"""`metabench accept`: an entry's results into a folder of leaderboards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from metabench.cli import entry_options as entries

if TYPE_CHECKING:
    from metabench.results.result import Result


def accept(
    entry: entries.Whole,
    into: entries.Boards = Path("leaderboards"),
    force: entries.Replace = False,
) -> None:
    """Copy the results of ENTRY into a folder of leaderboards, all of them or none."""
    from metabench.entries import accept as accepting
    from metabench.entries import folder as folders
    from metabench.entries.source import verify_command

    read, claimed = folders.read(entry), False
    for one in accepting.accept(read, into, force=force):
        print(f"{one.news}: {one.path}, {_said(one.result)}")
        claimed |= not one.result.signatures
    if claimed:
        command = verify_command(read.about["learner"], entry)
        print(f"claimed: nobody has replayed it; `{command}` does, then accept it again")
    print(f"next: metabench leaderboard --folder {into}")


def _said(result: Result) -> str:
    """The status of a result, and who vouches for it."""
    from metabench.results.status import status_of, valid_signatures

    status = status_of(result)
    who = [one["who"] for one in valid_signatures(result) if one["status"] == status]
    return f"{status} by {', '.join(dict.fromkeys(who))}" if who else status
