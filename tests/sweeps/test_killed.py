"""A sweep that is killed and started again ends with the files of one that ran through."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib

import pytest

from metabench.guard.measure import QUICK
from tests.places import ROOT
from tests.sweeps.conftest import TOY

SIX = f"""
learners = ["pixel_nn", "protonet", "{TOY}", "{TOY}_absolute", "{TOY}_dot", "{TOY}_cosine"]
seeds = 3

[protocols]
dataset = "strokes"
way = 2
shot = [1, 2]
query = 2
episodes = 4
image_size = 16

[settings.protonet]
width = 2
train_way = 2
train_query = 2

[train]
steps = 4
validate_every = 2
validation_episodes = 2
chunk = 2
"""
# For executors that start slowly; SIX ended with the same files on them, too, when they were built.
TWO = re.sub("learners = .*", f'learners = ["pixel_nn", "{TOY}"]', SIX)
TWO = re.sub(r"\[settings.protonet\](\n.+)+\n", "", TWO)
SMALL = f"""
learners = ["{TOY}"]
seeds = 3

[protocols]
dataset = "strokes"
way = 2
query = 2
episodes = 4
image_size = 16

[train]
steps = 4
validate_every = 2
validation_episodes = 2
chunk = 2
"""
# JAX keeps even programs that compile in a moment: other seeds and sweeps take them from there.
KEPT = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
MEASURED_HERE = ("environment", "created", "command")


def sweep(folder, *arguments):
    """The command in a process and a session of its own."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} {QUICK}".strip()
    said = (folder / f"said-{time.monotonic_ns()}.txt").open("w+", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "metabench", "sweep", "../grid.toml", "--cores", "1", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=said,  # a pipe would stay open as long as the jobs of a killed sweep
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags, **KEPT},
        start_new_session=True,
    )
    return process, said


def ended(process, said):
    """What it said; it must have ended well."""
    process.wait(900)
    with said:
        said.seek(0)
        text = said.read()
    assert process.returncode == 0, text
    return text


def seeds(folder):
    return len(list((folder / "runs" / "seeds").glob("*/*.json")))


def kill_when(process, said, folder, number):
    """SIGKILL to the sweep alone once `number` seeds have a result: its processes end by it."""
    while process.poll() is None and seeds(folder) < number:
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()
    said.close()


def files(folder):
    """The results of a board without times, memory and environment."""
    found = {}
    for path in sorted((folder / "leaderboards").rglob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for name in MEASURED_HERE:
            document.pop(name)
        for run in document["runs"]:
            flops = {name: cost for name, cost in run["cost"].items() if "flops" in name}
            run["cost"] = flops
        found[path.relative_to(folder)] = document
    return found


@pytest.fixture(scope="module")
def through(tmp_path_factory):
    """A folder in which the whole grid ran through."""
    above = tmp_path_factory.mktemp("through")
    (above / "grid.toml").write_text(SIX)
    folder = above / "through"
    folder.mkdir()
    ended(*sweep(folder, "--per-job", "16"))
    return files(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("grid", "runs", "kills", "where"),
    [
        (SIX, 32, (2, 13), ("--per-job", "8")),
        (TWO, 8, (2, 4), ("--per-job", "2", "--executor", "slurm", "--option", "cluster=local")),
        (TWO, 8, (2, 4), ("--per-job", "2", "--executor", "ray")),
    ],
    ids=["local", "submitit", "ray"],
)
def test_killed_twice_and_resumed(through, tmp_path, grid, runs, kills, where):
    listed = tomllib.loads(grid)["learners"]
    names = {name.rpartition("/")[2].replace(".py:", ".") for name in listed}
    whole = {path: one for path, one in through.items() if one["learner"] in names}
    assert len(whole) == (12 if grid is SIX else 4)
    if "--executor" in where:
        name = "submitit" if "slurm" in where else "ray"
        pytest.importorskip(name, reason=f"{name} is not installed")
    (tmp_path / "grid.toml").write_text(grid)
    folder = tmp_path / "killed"
    folder.mkdir()
    for number in kills:
        kill_when(*sweep(folder, *where), folder, number)
        if "slurm" not in where:  # whose jobs go on without the sweep
            assert number <= seeds(folder) < runs
    said = ended(*sweep(folder, *where))
    assert f" of {runs} runs have results already" in said
    assert files(folder) == whole


@pytest.mark.slow
def test_two_at_once_do_nothing_twice(tmp_path):
    (tmp_path / "grid.toml").write_text(SMALL)
    folder = tmp_path / "both"
    folder.mkdir()
    both = [sweep(folder), sweep(folder)]
    said = [ended(*one) for one in both]
    assert len(files(folder)) == 1
    assert not any("failed" in one for one in said)
