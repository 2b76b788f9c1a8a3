"""Processes of this machine, each with cores of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from metabench.errors import UserError
from metabench.sweeps.executors.executor import Executor, Job, Machines, import_path

COMMAND = (sys.executable, "-m", "metabench.sweeps.work")


def opened(machines: Machines) -> Executor:
    """An executor of `machines.jobs` processes at a time; they end with this process."""
    pool = ThreadPoolExecutor(machines.jobs, thread_name_prefix="sweep")
    free: queue.Queue[list[int]] = queue.Queue()
    for cores in shares(machines):
        free.put(cores)
    alive: set[subprocess.Popen[str]] = set()
    stopped = threading.Event()

    def perform(job: Job) -> list[tuple[str, str]]:
        cores = free.get()
        try:
            return _performed(job, cores, machines.cores_of_job, alive, stopped)
        finally:
            free.put(cores)

    def submit(job: Job) -> Future[Any]:
        return pool.submit(perform, job)

    def close() -> None:
        stopped.set()
        for process in tuple(alive):
            process.kill()
        pool.shutdown(wait=True, cancel_futures=True)

    return Executor(submit, close)


def shares(machines: Machines) -> list[list[int]]:
    """The cores of each process that runs at a time; none are named where there are too few."""
    if not hasattr(os, "sched_getaffinity"):
        return [[] for _ in range(machines.jobs)]
    there, each = sorted(os.sched_getaffinity(0)), machines.cores_of_job
    if machines.jobs * each > len(there):
        return [[] for _ in range(machines.jobs)]
    return [there[number * each : (number + 1) * each] for number in range(machines.jobs)]


def _performed(
    job: Job,
    pinned: list[int],
    cores: int,
    alive: set[subprocess.Popen[str]],
    stopped: threading.Event,
) -> list[tuple[str, str]]:
    """One process from beginning to end; `UserError` if it did not end by itself."""
    if stopped.is_set():
        return []
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": import_path()},
        start_new_session=True,  # Ctrl-C is for the sweep, which ends its processes
    )
    alive.add(process)
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    listener.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"specs": list(job), "cores": cores, "pinned": pinned}))
        process.stdin.write("\n")
        process.stdin.flush()  # and it stays open: the process ends when it closes
        found = [tuple(json.loads(line)) for line in process.stdout]
        code = process.wait()
    except BrokenPipeError:
        found, code = [], process.wait()
    finally:
        alive.discard(process)
        process.kill()
        listener.join(timeout=5)
        _close(process)
    if len(found) < len(job):
        raise UserError(_end(code, said))
    return found


def _close(process: subprocess.Popen[str]) -> None:
    """Release the pipes of a process that has ended."""
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):  # what it did not read
                pipe.close()


def _end(code: int, said: list[str]) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"its process was ended by signal {-code} ({signal.Signals(-code).name})"
    last = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
    return f"its process ended with code {code} ({last[:200]})"
