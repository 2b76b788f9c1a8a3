"""What an executor is, and how one is chosen by its name.

An executor takes a job, a list of runs as JSON documents, and performs it by
`work.perform_all` in a process that did nothing before. What became of the runs is in their files;
the future only says that the process has ended, and how.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from metabench.compute.devices import cores as cores_here
from metabench.errors import UserError, suggest

Job: TypeAlias = Sequence[Mapping[str, Any]]  # specs, from `spec.to_spec`
KINDS = ("local", "ray", "slurm")


class Executor(NamedTuple):
    """Performs jobs; several at a time, as it has room."""

    submit: Callable[[Job], Future[Any]]
    """The future's result is a pair of state and sentence for each run; or it raises, if the
    process was ended from outside."""
    close: Callable[[], None]  # ends what still runs


@dataclass(frozen=True)
class Machines:
    """What an executor may use."""

    executor: str = "local"
    jobs: int = 1  # at a time; local processes, and a Ray of this machine alone
    cores: int | None = None  # of each job
    gpus: int = 0  # of each job; Ray and Slurm
    options: Mapping[str, Any] = field(default_factory=dict)  # of Ray or submitit
    folder: Path = Path("runs")  # for scripts and logs

    @property
    def cores_of_job(self) -> int:
        """Of each job: as many as each gets if all jobs run here at once."""
        return self.cores or max(cores_here() // self.jobs, 1)


def import_path() -> str:
    """`PYTHONPATH` for a process that is to import the very package that this one runs."""
    root = str(Path(__file__).parents[3])
    return os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))


def check_machines(machines: Machines) -> None:
    """`UserError` on an executor that there is not, or on an impossible number."""
    name = machines.executor
    if name not in KINDS:
        raise UserError(
            f"`executor` is {name!r}{suggest(name, KINDS)}; it must be one of: {', '.join(KINDS)}"
        )
    for option, value, least in (
        ("jobs", machines.jobs, 1),
        ("cores", 1 if machines.cores is None else machines.cores, 1),
        ("gpus", machines.gpus, 0),
    ):
        if value < least:
            raise UserError(f"`{option}` is {value}; it must be at least {least}")
    if name == "local" and machines.options:
        raise UserError("`option` belongs to `--executor ray` and `slurm`; leave it out here")


def opened(machines: Machines) -> Executor:
    """The executor that is asked for, ready for jobs.

    Raises:
      UserError: there is none of that name, or its package is not installed.
    """
    check_machines(machines)
    return import_module(f"metabench.sweeps.executors.{machines.executor}_jobs").opened(machines)
