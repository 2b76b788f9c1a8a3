"""Two hosts on loopback: one is killed in training, and both go on from the checkpoint."""

import json
import time

import numpy as np
import pytest

from metabench.training.checkpoints import steps_in
from tests.training.two_hosts import PLAN, outcome, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a training whose second host was killed, and how the first one ended."""
    folder = tmp_path_factory.mktemp("hosts") / "seed0"
    hosts = start(folder, 1.0)
    try:
        while not steps_in(folder) and all(one.poll() is None for one in hosts):
            time.sleep(0.2)
        hosts[1].kill()
        began = time.monotonic()
        said = hosts[0].communicate(timeout=120)[1]
        return folder, hosts[0].returncode, said, time.monotonic() - began
    finally:
        for one in hosts:
            one.kill()
            one.communicate()


def test_the_other_host_ends_within_seconds_with_a_sentence(killed):
    _, code, said, seconds = killed
    assert code == 2, said
    assert "error: another host stopped or cannot be reached" in said
    assert "--resume" in said
    assert "Traceback" not in said
    assert seconds < 30  # on a machine that does much else


def test_both_go_on_from_the_checkpoint_to_the_figures_of_one_host(killed, tmp_path):
    folder = killed[0]
    assert 0 < steps_in(folder)[-1] < PLAN.steps
    hosts = start(folder, 0.0)
    ends = [one.communicate(timeout=300) for one in hosts]
    assert [one.returncode for one in hosts] == [0, 0], ends
    counts, weights, _ = outcome(tmp_path / "seed0")
    for out, _ in ends:  # each host knows all counts
        found = json.loads(out.splitlines()[-1])
        assert found[0] == counts
        np.testing.assert_allclose(found[1], weights, rtol=1e-5, atol=1e-6)
        assert found[2] == 1
