"""The paper recipes on a GPU, within a budget of time.

`python -m benchmarks.gpu_suite --minutes 12 --jobs 12` makes the results that
`benchmarks/table_gpu.toml` lists and that are not there, the most valuable first, several at once.
Those that are expected to end in the time come before those that are not. When the time is over,
what still runs is ended; its last checkpoint stays in `runs/table`, and the same command goes on
from it. Finished results lie below `leaderboards/`, as those of `metabench run` do.

A small training keeps a GPU busy for a part of the time only. NVIDIA's multi-process service lets
several share it; where its program is found, the suite starts it and ends it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.table import ROOT, RUNS, Run, command_of, made, missing, runs

TABLE = Path(__file__).with_name("table_gpu.toml")
SERVICE = "nvidia-cuda-mps-control"
PATIENCE = 10.0  # seconds until a run that does not end is killed; its checkpoints are whole
POLL = 0.2  # seconds between two looks at the runs


def in_order(wanted: Sequence[Run], seconds: float) -> list[Run]:
    """Those that are expected to end within `seconds`, then the others; both in their order."""
    return sorted(wanted, key=lambda run: not 0 < run.seconds <= seconds)


def learner_of(run: Run) -> str:
    """The learner that a command names."""
    words = shlex.split(run.command)
    return words[words.index("--learner") + 1]


@dataclass
class Suite:
    """Runs that share a device, on their way."""

    waiting: list[Run]
    jobs: int  # at a time
    environment: Mapping[str, str]
    ended: dict[Run, int] = field(default_factory=dict)  # exit codes
    _going: dict[Run, subprocess.Popen[bytes]] = field(default_factory=dict)

    def perform(self, seconds: float) -> None:
        """Run what can be run within `seconds`, then end what is left."""
        until = time.monotonic() + seconds
        try:
            while (self.waiting or self._going) and time.monotonic() < until:
                self._start()
                self._look()
                time.sleep(POLL)
        finally:
            self._end_all()

    def _start(self) -> None:
        for run in [run for run in self.waiting if self._ready(run)]:
            if len(self._going) >= self.jobs:
                return
            self.waiting.remove(run)
            self._going[run] = start(run, self.environment)
            print(f"started: {run.command}", flush=True)

    def _ready(self, run: Run) -> bool:
        """Whether it trains, or the trainings of its learner have ended."""
        if "--trained-for" not in run.command:
            return True
        unfinished = [one for one in (*self.waiting, *self._going) if one != run]
        return not any(
            learner_of(one) == learner_of(run) and "--trained-for" not in one.command
            for one in unfinished
        )

    def _look(self) -> None:
        for run, process in list(self._going.items()):
            if (code := process.poll()) is not None:
                self._end(run, code)

    def _end(self, run: Run, code: int) -> None:
        del self._going[run]
        self.ended[run] = code
        log = "" if code == 0 else f" (see {log_of(run)})"
        print(f"exit code {code}: {run.command}{log}", flush=True)

    def _end_all(self) -> None:
        for process in self._going.values():
            process.terminate()
        until = time.monotonic() + PATIENCE
        for run, process in list(self._going.items()):
            try:
                code = process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            self._end(run, code)


def start(run: Run, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A process at `run`; what it prints goes to its log."""
    log = log_of(run)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        words = command_of(run)
        return subprocess.Popen(words, cwd=ROOT, env=environment, stdout=file, stderr=file)


def log_of(run: Run) -> Path:
    """Where the output of `run` goes."""
    name = "".join(letter if letter.isalnum() else "-" for letter in run.command)
    return RUNS / "logs" / f"{name[:200]}.log"


@contextmanager
def sharing(jobs: int) -> Iterator[dict[str, str]]:
    """The environment of runs that share a GPU; inside, the multi-process service goes."""
    environment = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    if jobs == 1 or shutil.which(SERVICE) is None:
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="mps") as folder:
        environment |= {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        subprocess.run([SERVICE, "-d"], check=True, env=environment)
        try:
            yield environment
        finally:
            subprocess.run([SERVICE], input=b"quit\n", check=False, env=environment)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing within the time; 1 if a run failed, other than by being ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_suite", description=__doc__)
    parser.add_argument("--minutes", type=float, required=True, help="of all runs together")
    parser.add_argument("--jobs", type=int, default=8, help="runs at a time")
    parser.add_argument("--table", type=Path, default=TABLE, help="another list of runs")
    given = parser.parse_args(arguments)
    if given.minutes <= 0 or given.jobs < 1:
        parser.error("give `--minutes` above 0 and `--jobs` of at least 1")
    seconds = 60 * given.minutes
    wanted = in_order(list(missing(runs(given.table), made())), seconds)
    print(f"{len(wanted)} runs have no result", flush=True)
    with sharing(given.jobs) as environment:
        suite = Suite(wanted, given.jobs, environment)
        suite.perform(seconds)
    done = [run for run, code in suite.ended.items() if code == 0]
    print(f"{len(done)} runs ended; {len(wanted) - len(done)} have no result yet")
    return int(
        any(code not in (0, -signal.SIGTERM, -signal.SIGKILL) for code in suite.ended.values())
    )


if __name__ == "__main__":
    sys.exit(main())
