"""Every pair of a plug-in and a check is a test of its own, and pytest shows what is skipped."""

import os
import re
import subprocess
import sys

import pytest

from metabench.conformance import DATASET_CHECKS, LEARNER_CHECKS, parametrize_with_checks
from metabench.datasets.strokes.dataset import DATASET
from tests.conformance.right import linear
from tests.places import ROOT

TESTS = """
from metabench.conformance import parametrize_with_checks
from tests.conformance.faults import always_the_same, breaking
from tests.conformance.right import linear

def mine(shape, *, width: int = None):
    return linear(shape)

@parametrize_with_checks([linear, mine])
def test_mine(check):
    check()
"""
CONFTEST = """
def pytest_collection_finish(session):
    from jax._src import xla_bridge
    assert not xla_bridge.backends_are_initialized(), "collection computed something"
"""


def test_every_check_of_every_plugin_has_a_name():
    mark = parametrize_with_checks([linear, "protonet", "my_learners.py:mine", DATASET]).mark
    assert mark.args[0] == "check"
    expected = [
        f"{plugin}-{check.name}"
        for plugin in ("linear", "protonet", "mine")
        for check in LEARNER_CHECKS
    ]
    expected += [f"strokes-{check.name}" for check in DATASET_CHECKS]
    assert [case.id for case in mark.args[1]] == expected


def test_a_check_that_does_not_apply_is_skipped_with_its_reason():
    cases = {case.id: case.values[0] for case in parametrize_with_checks([linear]).mark.args[1]}
    with pytest.raises(pytest.skip.Exception, match="has no `trace`"):
        cases["linear-trace"]()
    assert cases["linear-options"]() is None


def test_under_pytest(tmp_path):
    (tmp_path / "test_mine.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    command = [sys.executable, "-m", "pytest", "-v", "-rs", "-k", "options or stream_causal"]
    found = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    lines = re.findall(r"(test_mine\[\S+) (PASSED|FAILED|SKIPPED)", found.stdout)
    assert lines == [
        ("test_mine[linear-options]", "PASSED"),
        ("test_mine[linear-stream_causal]", "SKIPPED"),
        ("test_mine[mine-options]", "FAILED"),
        ("test_mine[mine-stream_causal]", "SKIPPED"),
    ], found.stdout + found.stderr
    assert "takes no `StreamShape`" in found.stdout
    assert "but `width` is None; it must be a whole number" in found.stdout
