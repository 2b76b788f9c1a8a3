"""Tasks of a Ray of this machine: each in a process of its own, also where one is killed."""

import json
import os
import subprocess
import sys

import pytest

from metabench.results import document
from tests.places import ROOT

pytest.importorskip("ray", reason="ray is not installed")


@pytest.mark.slow
def test_tasks_and_what_is_told_of_killed_ones(tmp_path, runs, job):
    done = subprocess.run(
        [sys.executable, "-m", "tests.sweeps.executors.with_ray", str(tmp_path)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=600,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["refused"].startswith("Ray does not start: ")
    ((state, pid),) = found["killed once"]
    assert state == "done"
    assert pid != (tmp_path / "pid").read_text()  # Ray tried it again, in another process
    assert found["killed always"] == "WorkerCrashedError"
    assert [state for state, _ in found["results"]] == ["done", "done"]
    for run in runs:
        assert document.read(run.path).protocol.id == run.protocol
