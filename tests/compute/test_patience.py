"""A core waits for another as long as it takes, as after the sleep of a computer."""

import os
import subprocess
import sys

import pytest

from metabench.compute import devices as module
from metabench.compute.devices import be_patient
from tests.places import ROOT

WAIT = """
import time
from functools import partial
import jax
import numpy as np
from jax.sharding import PartitionSpec
from metabench.compute import devices

devices.PATIENCE = {patience}
devices.use_all_cores()
row = devices.mesh(jax.devices())

def late(number, x):
    time.sleep(4 * int(number))
    return np.asarray(x)

@jax.jit
@partial(jax.shard_map, mesh=row, in_specs=PartitionSpec("devices"), out_specs=PartitionSpec(),
         check_vma=False)
def summed(x):
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.lax.psum(jax.pure_callback(late, shape, jax.lax.axis_index("devices"), x), "devices")

print(summed(np.ones(2, np.float32)))
"""


def waits(patience):
    flags = "--xla_force_host_platform_device_count=2"
    if patience:
        flags += " --xla_cpu_collective_call_warn_stuck_timeout_seconds=1"
    return subprocess.run(
        [sys.executable, "-c", WAIT.format(patience=patience or module.PATIENCE)],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.slow
def test_a_process_waits_as_long_as_it_is_told():
    ended = waits(1)
    assert ended.returncode != 0
    assert "Termination timeout" in ended.stderr


@pytest.mark.slow
def test_it_is_told_to_wait_for_weeks():
    found = waits(None)
    assert found.returncode == 0, found.stderr
    assert "[2.]" in found.stdout
    assert "stuck" not in found.stderr
    assert module.PATIENCE > 7 * 24 * 3600


def test_what_a_user_chose_stands(monkeypatch):
    warn, end = module.PATIENCE_FLAGS
    monkeypatch.setenv("XLA_FLAGS", f"{end}=7")
    be_patient()
    be_patient()
    assert os.environ["XLA_FLAGS"].split() == [f"{end}=7", f"{warn}={module.PATIENCE}"]
