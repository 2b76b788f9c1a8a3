"""The whole path of an outsider: a package, installed anew, ends as a replayed entry on a board."""

import json
import shutil
import site
import subprocess
import sys
import venv

import pytest

from metabench.results import document
from metabench.results.status import status_of
from tests.places import ROOT

pytestmark = pytest.mark.slow
# Each line that is read is a command's words; each that is written its exit code and what it said.
COMMANDS = """
import contextlib, io, json, sys
from metabench.cli import main
from metabench.compute.native import use_native
for line in sys.stdin:
    sys.argv = ["metabench", *json.loads(line)]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), use_native(True):
        try:
            main()
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, said.getvalue()]), flush=True)
"""
SHORT = ("steps=40", "validate_every=40", "validation_episodes=20")


@pytest.fixture
def python(tmp_path):
    """The Python of a fresh environment, in which the example is installed without a network.

    What metabench needs is not installed again: the environment looks it up here.
    """
    pytest.importorskip("hatchling", reason="the example is built by hatchling, of the extra `dev`")
    venv.create(tmp_path / "env", with_pip=False)
    (inner,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (inner / "outer.pth").write_text("\n".join([str(ROOT), *site.getsitepackages()]))
    shutil.copytree(ROOT / "examples" / "ridge", tmp_path / "ridge")
    python = tmp_path / "env" / "bin" / "python"
    options = ("--no-deps", "--no-index", "--no-build-isolation")
    subprocess.run([python, "-m", "pip", "install", "-q", *options, tmp_path / "ridge"], check=True)
    return python


@pytest.fixture
def metabench(python, tmp_path):
    """Run a command; what it printed, errors included.

    One process runs all of them, with XLA's own convolutions, which compile faster.
    """
    command, pipe = [python, "-c", COMMANDS], subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdin=pipe, stdout=pipe, text=True) as process:

        def run(*words, code=0):
            print(json.dumps(words), file=process.stdin, flush=True)
            found, said = json.loads(process.stdout.readline())
            assert found == code, said
            return said

        yield run
        process.stdin.close()


def test_a_package_becomes_a_replayed_entry(metabench, tmp_path):
    assert "metabench_ridge" not in sys.modules  # it is nowhere but in the environment
    assert "from metabench-ridge 0.1.0" in metabench("learners")
    assert metabench("check", "ridge", "--quiet").startswith("ridge: 0 of ")
    train = [word for one in SHORT for word in ("--train", one)]
    author = ("--author", "A. Author", "--licence", "Apache-2.0")
    said = metabench("submit", "ridge", *author, "--out", "entry", "--quiet", *train)
    assert "next: metabench verify entry --trust --sign NAME" in said

    said = metabench("verify", "entry", code=2)  # its code is not run unasked
    assert "learner `ridge` (package metabench-ridge), which is not metabench's" in said
    said = metabench("accept", "entry", "--into", "claims")
    assert "nobody has replayed it; `metabench verify entry --trust --sign NAME` does" in said
    sign = ("--trust", "--tasks", "5", "--sign", "B. Reader")
    said = metabench("verify", "entry", "--quiet", *sign)
    assert "WRONG" not in said
    assert said.count("signed by B. Reader") == 2
    assert "next: metabench accept entry --into leaderboards" in said
    said = metabench("accept", "entry", "--into", "boards")
    assert said.count("replayed by B. Reader") == 2

    ranked = json.loads(metabench("leaderboard", "--folder", "boards", "--format", "json"))
    assert "ridge" in json.dumps(ranked)
    found = [document.read(path) for path in (tmp_path / "boards").glob("*/*.json")]
    assert {one.protocol.shot for one in found} == {1, 5}
    assert {status_of(one) for one in found} == {"replayed"}
    assert all(one.learner_version == "metabench-ridge 0.1.0" for one in found)
    assert all(one.accuracy > 0.35 for one in found)
    assert all(one.claims["authors"] == ["A. Author"] for one in found)
