"""The table of figures: which runs its results come from, which are missing, and a worker.

`python -m benchmarks.table` lists the runs of `benchmarks/table.toml` in their order, which is
that of their worth, and says which have a result. `--work` makes the missing ones, one after
another, until none is left; killed, it goes on from the last checkpoint when it is started again.
On a machine with other work, give it a core of its own: `taskset -c 1 python -m benchmarks.table
--work`.

`--table benchmarks/table_gpu.toml` takes the list of those that are sized for a GPU, which
`benchmarks/gpu_suite.py` runs several at a time.

A run counts as done when a file below `leaderboards/` holds its command, and the file was made
by the commit that its entry names in `since`, or by a later one. A run that failed is tried again
when the worker is started again.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).with_suffix(".toml")
RUNS = ROOT / "runs" / "table"


class Run(NamedTuple):
    """A command of `metabench`, without its name, whose result belongs to the table."""

    command: str
    since: str = ""  # a commit: results of earlier ones were made by code that has changed
    seconds: float = 0.0  # what it took on one core, or is expected to take

    @property
    def folder(self) -> Path:
        """Of its checkpoints: what code from before `since` trained is not continued."""
        return RUNS / (self.since or "first")


def runs(table: Path = TABLE) -> list[Run]:
    """The runs in the order of their worth."""
    return [Run(**entry) for entry in tomllib.loads(table.read_text("utf-8"))["run"]]


def made(folder: Path = ROOT / "leaderboards") -> dict[str, str]:
    """Command -> commit of every result below `folder`."""
    documents = (json.loads(path.read_text("utf-8")) for path in folder.glob("**/*.json"))
    return {
        one["command"]: one["environment"]["commit"]
        for one in documents
        if "command" in one and "environment" in one
    }


def missing(wanted: list[Run], found: dict[str, str]) -> Iterator[Run]:
    """The runs of `wanted` without a result that is recent enough."""
    for run in wanted:
        commit = found.get(f"metabench {run.command}")
        if commit is None or not _descends(commit.removesuffix("+"), run.since):
            yield run


def _descends(commit: str, since: str) -> bool:
    if not since:
        return True
    ask = ["git", "merge-base", "--is-ancestor", since, commit]
    return subprocess.run(ask, check=False, cwd=ROOT, capture_output=True).returncode == 0


def command_of(run: Run) -> list[str]:
    """The words that run it from its last checkpoint."""
    places = ["--run-dir", str(run.folder)]
    resumed = [] if "--trained-for" in run.command else ["--resume"]
    return [sys.executable, "-m", "metabench", *shlex.split(run.command), *places, *resumed]


def make(run: Run) -> bool:
    """Run it from its last checkpoint; whether it ended well."""
    run.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    code = subprocess.run(command_of(run), check=False, cwd=ROOT).returncode
    print(f"exit code {code} after {time.monotonic() - began:.0f} s: {run.command}", flush=True)
    return code == 0


def work(wanted: list[Run]) -> None:
    """Make what is missing, each run once, the first in the table first."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with (RUNS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # one worker at a time
        tried: set[Run] = set()
        while left := [run for run in missing(wanted, made()) if run not in tried]:
            print(f"{len(left)} runs left; next: {left[0].command}", flush=True)
            tried.add(left[0])
            make(left[0])


def main() -> None:
    """List the runs, or make the missing ones."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("--work", action="store_true", help="make the missing ones")
    parser.add_argument("--table", type=Path, default=TABLE, help="another list of runs")
    given = parser.parse_args()
    wanted = runs(given.table)
    if given.work:
        work(wanted)
    absent = set(missing(wanted, made()))
    for run in wanted:
        state = "missing" if run in absent else "done"
        print(f"{state:8} {run.seconds / 60:6.0f} min  {run.command}")
    hours = sum(run.seconds for run in absent) / 3600
    print(f"{len(wanted) - len(absent)} of {len(wanted)} done; {hours:.1f} hours left on one core")


if __name__ == "__main__":
    main()
