"""Meta-training ends in the same bits however it is cut up."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from metabench.training.checkpoints import Checkpoints
from metabench.training.meta_training import initial_state
from tests.places import ROOT
from tests.training.made_up import PLAN, assert_same, linear, train


def test_a_run_is_reproducible_and_depends_on_its_seed(uninterrupted):
    assert_same(train(), uninterrupted)
    other = train(seed=1).last["weights"]
    assert not np.array_equal(other, uninterrupted.last["weights"])


@pytest.mark.parametrize("chunk", [1, 100])
def test_the_length_of_chunks_changes_nothing(chunk, uninterrupted):
    found = train(plan=replace(PLAN, chunk=chunk))
    jax.tree.map(np.testing.assert_array_equal, found.last, uninterrupted.last)
    jax.tree.map(np.testing.assert_array_equal, found.state, uninterrupted.state)
    losses = [[p.loss for p in run.history] for run in (found, uninterrupted)]
    np.testing.assert_allclose(*losses, rtol=1e-5)  # means of means


@pytest.mark.parametrize("after", [6, 18])
def test_a_continued_run_is_the_uninterrupted_one(after, uninterrupted, tmp_path):
    first = Checkpoints(tmp_path)
    train(plan=replace(PLAN, steps=after), checkpoints=first)
    first.close()
    second = Checkpoints(tmp_path)
    assert_same(train(checkpoints=second), uninterrupted)
    assert second.newest(initial_state(linear(), 0)).step == 24
    second.close()


def test_a_finished_run_is_only_read(uninterrupted, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    train(checkpoints=checkpoints)
    steps = []
    assert_same(train(checkpoints=checkpoints, progress=steps.append), uninterrupted)
    assert steps == []
    checkpoints.close()


def train_slowly(folder):
    """What the process that gets killed does."""
    train(linear(pause=0.02), checkpoints=Checkpoints(Path(folder)))


@pytest.mark.slow
def test_a_killed_run_continues_to_the_same_bits(tmp_path, uninterrupted):
    code = (
        "import sys; from tests.training.test_resume import train_slowly; train_slowly(sys.argv[1])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "6").is_dir() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    checkpoints = Checkpoints(tmp_path)
    assert 6 <= checkpoints.newest(initial_state(linear(), 0)).step < 24
    assert_same(train(checkpoints=checkpoints), uninterrupted)
    checkpoints.close()
