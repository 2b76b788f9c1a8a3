"""Jobs of a Slurm cluster, through submitit, which writes their scripts and reads their ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Event, Thread
from typing import Any

from metabench.errors import UserError
from metabench.optional import imported
from metabench.sweeps.executors.executor import Executor, Job, Machines, import_path
from metabench.sweeps.work import perform_all

FOLDER = "slurm"  # below that of checkpoints: scripts, logs, and what submitit keeps
POLL = 1.0  # seconds between two looks at a job
MINUTES = 24 * 60  # that a job may take, if nothing else is asked for


def opened(machines: Machines) -> Executor:
    """An executor that submits each job as it comes.

    Options are parameters of submitit (`timeout_min`, `slurm_partition`, …); `cluster=local` runs
    the jobs on this machine, where there is no Slurm.

    Raises:
      UserError: submitit is not installed, there is no Slurm, or it knows no such parameter.
    """
    submitit = imported("submitit")
    options = dict(machines.options)
    cluster = options.pop("cluster", "slurm")
    if cluster == "slurm" and shutil.which("sbatch") is None:
        raise UserError(
            "`executor` is slurm, but there is no `sbatch` here: start the sweep on a machine that "
            "submits to the cluster, or use `--executor local`"
        )
    executor = submitit.AutoExecutor(folder=machines.folder / FOLDER, cluster=cluster)
    try:
        executor.update_parameters(**{**usual(machines), **options})
    except (NameError, TypeError, ValueError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"`option` is no parameter of submitit: {first}") from error
    os.environ["PYTHONPATH"] = import_path()  # jobs inherit the environment
    jobs: list[Any] = []
    stopped = Event()

    def submit(job: Job) -> Future[Any]:
        sent = executor.submit(perform_all, list(job), machines.cores_of_job)
        jobs.append(sent)
        return _followed(sent, stopped)

    def close() -> None:
        stopped.set()
        for sent in jobs:
            if not sent.done():
                sent.cancel()

    return Executor(submit, close)


def usual(machines: Machines) -> Mapping[str, Any]:
    """The parameters of a job, before the user's own."""
    return {
        "name": "metabench",
        "cpus_per_task": machines.cores_of_job,
        "timeout_min": MINUTES,
        **({"gpus_per_node": machines.gpus} if machines.gpus else {}),
    }


def _followed(sent: Any, stopped: Event) -> Future[Any]:
    """The end of a job, as soon as submitit knows it."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()

    def follow() -> None:
        while not sent.done():
            if stopped.wait(POLL):
                future.set_exception(UserError("the sweep ended before this job"))
                return
        try:
            future.set_result(sent.result())
        except Exception as error:
            future.set_exception(UserError(_end(sent, error)))

    Thread(target=follow, daemon=True).start()
    return future


def _end(sent: Any, error: Exception) -> str:
    """How a job ended, in words."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if not line.startswith("-")), type(error).__name__)
    return f"job {sent.job_id} ended with {sent.state} ({said[:200]}; see {sent.paths.stderr})"
