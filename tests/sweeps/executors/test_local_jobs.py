"""Local processes: a job in each, on cores of its own, and what is said of one that was killed."""

import os
import signal
import sys
import time

import pytest

from metabench.errors import UserError
from metabench.sweeps.executors import local_jobs
from metabench.sweeps.executors.executor import Machines, opened

DIES = "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)"
FAILS = "import sys; sys.stdin.readline(); sys.exit('no module of that name')"
ANSWERS = (
    "import json, os, sys; job = json.loads(sys.stdin.readline());"
    "[print(json.dumps(['done', spec['path']]), flush=True) for spec in job['specs']]"
)
WAITS = "import os, sys; sys.stdin.readline(); sys.stdin.read(); os._exit(1)"


@pytest.fixture
def does(monkeypatch):
    """Replaces the program of the processes by a line of Python, which needs no JAX."""

    def program(line):
        monkeypatch.setattr(local_jobs, "COMMAND", (sys.executable, "-c", line))
        return opened(Machines())

    return program


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (DIES, "its process was ended by signal 9 (SIGKILL)"),
        (FAILS, "its process ended with code 1 (no module of that name)"),
    ],
)
def test_an_end_before_its_time_is_told(does, line, sentence):
    executor = does(line)
    with pytest.raises(UserError) as caught:
        executor.submit([{"path": "a"}]).result(20)
    executor.close()
    assert str(caught.value) == sentence


def test_outcomes_come_back_in_order(does):
    executor = does(ANSWERS)
    assert executor.submit([{"path": "a"}, {"path": "b"}]).result(20) == [
        ("done", "a"),
        ("done", "b"),
    ]
    executor.close()


def test_closing_ends_what_runs(does):
    executor = does(WAITS)
    future = executor.submit([{"path": "a"}])
    time.sleep(0.3)
    executor.close()
    assert future.done()
    assert signal.SIGKILL.name in str(future.exception())


def test_cores_are_shared_out(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 4, 5, 7}, raising=False)
    assert local_jobs.shares(Machines(jobs=2)) == [[0, 2], [4, 5]]
    assert local_jobs.shares(Machines(jobs=5)) == [[0], [2], [4], [5], [7]]
    assert local_jobs.shares(Machines(jobs=2, cores=1)) == [[0], [2]]
    assert local_jobs.shares(Machines(jobs=2, cores=3)) == [[], []]  # more than there are


@pytest.mark.parametrize(
    ("machines", "sentence"),
    [
        (Machines("ra"), "`executor` is 'ra' (did you mean `ray`?)"),
        (Machines(jobs=0), "`jobs` is 0"),
        (Machines(cores=0), "`cores` is 0"),
        (Machines(options={"a": 1}), "`option` belongs to"),
    ],
)
def test_a_mistake_is_one_sentence(machines, sentence):
    with pytest.raises(UserError) as caught:
        opened(machines)
    assert sentence in str(caught.value)
