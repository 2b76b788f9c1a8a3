"""Where a result was measured: complete, JSON, and the commit of the source itself."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import version

import jax
import numpy as np
import pytest

from metabench.results import document as results
from metabench.results import environment
from metabench.results.environment import commit


def test_description_is_complete_json_and_fits_the_schema():
    found = environment.describe()
    assert json.loads(json.dumps(found)) == found
    assert set(results.schema()["properties"]["environment"]["required"]) <= set(found)
    assert found["python"] == platform.python_version()
    assert found["packages"]["jax"] == version("jax")
    assert set(found["packages"]) == set(environment.PACKAGES)
    assert "unknown" not in found["packages"].values()
    assert found["device"]["platform"] == jax.devices()[0].platform
    assert found["device"]["count"] == jax.device_count()
    assert found["cpus"] >= 1


def test_a_package_that_is_absent_is_unknown(monkeypatch):
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-package",))
    assert environment.describe()["packages"] == {"no-such-package": "unknown"}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository in which the module seems to lie; yields its folder and `git`."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    source = tmp_path / "metabench" / "results"
    source.mkdir(parents=True)
    (source / "environment.py").write_text("")
    monkeypatch.setattr(environment, "__file__", str(source / "environment.py"))

    def git(*arguments):
        who = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return tmp_path, git


def test_commit_is_the_sources_with_a_mark_where_it_differs(checkout):
    folder, git = checkout
    git("init", "--quiet")
    git("add", "metabench")
    git("commit", "--quiet", "--message", "first")
    head = git("rev-parse", "HEAD")
    assert commit() == head
    (folder / "notes.txt").write_text("decides nothing")
    (folder / "leaderboards").mkdir()
    (folder / "leaderboards" / "result.json").write_text("{}")
    assert commit() == head
    (folder / "metabench" / "new.py").write_text("")
    assert commit() == head + "+"
    (folder / "metabench" / "new.py").unlink()
    assert commit() == head
    (folder / "metabench" / "environment.py").write_text("changed = True\n")
    assert commit() == head + "+"


def test_commit_is_unknown_outside_a_checkout_of_the_source(checkout, monkeypatch):
    folder, git = checkout
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    assert commit() == "unknown"  # no repository
    git("init", "--quiet")
    assert commit() == "unknown"  # one without a commit
    (folder / "other.txt").write_text("")
    git("add", "other.txt")
    git("commit", "--quiet", "--message", "first")
    assert commit() == "unknown"  # somebody else's, which only holds our folder


def test_commit_is_unknown_without_git(checkout, monkeypatch):
    monkeypatch.setenv("PATH", str(checkout[0]))
    assert commit() == "unknown"


def test_peak_memory_counts_megabytes_and_never_falls():
    before = environment.peak_memory_mb()
    held = np.ones(40_000_000)  # 320 MB
    after = environment.peak_memory_mb()
    assert 50 < before <= after < 1e6
    if jax.devices()[0].platform == "cpu":
        assert after >= held.nbytes / 1e6
