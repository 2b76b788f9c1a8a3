"""Tasks of Ray, on this machine or in a cluster: each in a process that did nothing before."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import Future
from typing import Any

from metabench.errors import UserError
from metabench.optional import imported
from metabench.sweeps.executors.executor import Executor, Job, Machines, import_path
from metabench.sweeps.work import perform_all

RETRIES = 1  # by Ray, of a task whose process or machine was lost


def opened(machines: Machines) -> Executor:
    """An executor of tasks; Ray starts on this machine, or joins a cluster (`address=auto`).

    Options are arguments of `ray.init`.

    Raises:
      UserError: Ray is not installed, or cannot be started with these options.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray = imported("ray")
    joined = ray.is_initialized()
    if not joined:
        _start(ray, machines)
    task = ray.remote(
        num_cpus=machines.cores_of_job,
        num_gpus=machines.gpus,
        max_calls=1,  # a process for each
        max_retries=RETRIES,
    )(perform_all)
    sent: list[Any] = []

    def submit(job: Job) -> Future[Any]:
        reference = task.remote(list(job), machines.cores_of_job)
        sent.append(reference)
        return reference.future()

    def close() -> None:
        if not joined:
            ray.shutdown()
            return
        for reference in sent:
            ray.cancel(reference, force=True)

    return Executor(submit, close)


def _start(ray: Any, machines: Machines) -> None:
    """Start Ray, or join what is running."""
    options: dict[str, Any] = {
        "include_dashboard": False,
        "log_to_driver": False,
        "logging_level": "ERROR",
        **machines.options,
    }
    if "address" not in options:
        options["num_cpus"] = machines.jobs * machines.cores_of_job
    else:
        options.pop("include_dashboard")
    # Workers find the package where this process did.
    environment = {"env_vars": {"PYTHONPATH": import_path(), **_compiled_as_here()}}
    options.setdefault("runtime_env", environment)
    try:
        with warnings.catch_warnings():  # Ray forks to start its own programs, which is harmless
            warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
            ray.init(**options)
    except (TypeError, ValueError, ConnectionError, RuntimeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise UserError(f"Ray does not start: {lines[0]}") from error


def _compiled_as_here() -> dict[str, str]:
    """What this process's environment tells JAX."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("JAX_", "XLA_", "METABENCH_"))
    }
