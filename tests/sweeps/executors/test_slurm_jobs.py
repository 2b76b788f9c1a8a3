"""Jobs through submitit: the script that Slurm would get, and jobs that its local executor ran."""

import os
import signal

import pytest

from metabench.errors import UserError
from metabench.results import document
from metabench.sweeps.executors import slurm_jobs
from metabench.sweeps.executors.executor import Machines, opened

pytest.importorskip("submitit", reason="submitit is not installed")


@pytest.fixture(autouse=True)
def path(monkeypatch):
    """The environment is put back."""
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))


def local(tmp_path, **options):
    return Machines("slurm", cores=1, folder=tmp_path, options={"cluster": "local", **options})


def dying(specs, cores):
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_script_asks_for_what_a_job_needs(tmp_path, monkeypatch):
    for name in ("srun", "sbatch", "scancel", "sacct"):
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text("#!/bin/sh\necho Submitted batch job 7\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    asked = {"timeout_min": 90, "slurm_partition": "gpu"}
    executor = opened(Machines("slurm", cores=3, gpus=2, folder=tmp_path, options=asked))
    future = executor.submit([])
    executor.close()
    assert isinstance(future.exception(10), UserError)
    text = (tmp_path / "slurm" / "7_submission.sh").read_text()
    for line in ("cpus-per-task=3", "gpus-per-node=2", "time=90", "partition=gpu"):
        assert f"#SBATCH --{line}\n" in text
    assert "submitit.core._submit" in text


@pytest.mark.slow
def test_a_job_leaves_its_results(tmp_path, runs, job):
    executor = opened(local(tmp_path))
    assert [state for state, _ in executor.submit(job).result(300)] == ["done", "done"]
    executor.close()
    for run in runs:
        assert document.read(run.path).protocol.id == run.protocol


@pytest.mark.slow
def test_a_killed_job_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(slurm_jobs, "perform_all", dying)
    executor = opened(local(tmp_path))
    error = executor.submit([]).exception(60)
    executor.close()
    assert isinstance(error, UserError)
    assert "ended with" in str(error)


def test_there_is_no_slurm_here(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="there is no `sbatch` here"):
        opened(Machines("slurm", folder=tmp_path))


def test_an_unknown_parameter_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no parameter of submitit: Parameter 'partitoin'"):
        opened(local(tmp_path, partitoin="gpu"))
