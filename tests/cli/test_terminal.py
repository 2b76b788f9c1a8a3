"""Output that cannot show every character: a command ends as it does elsewhere."""

import io
import os
import subprocess
import sys

import pytest

from metabench.cli.terminal import make_plain


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", "52.20 +- 1 \\u4e2d x"), ("latin-1", "52.20 ± 1 \\u4e2d ×"), ("utf-8", None)],
)
def test_characters_that_an_encoding_lacks(monkeypatch, encoding, shown):
    text, content = "52.20 ± 1 中 ×", io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(content, encoding))
    make_plain()
    for stream in (sys.stdout, sys.stderr):
        content.seek(0)
        print(text, end="", file=stream, flush=True)
        assert content.getvalue().decode(encoding) == (shown or text)


def test_other_streams_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    make_plain()
    print("±")
    assert sys.stdout.getvalue() == "±\n"


@pytest.mark.parametrize("command", [["data", "list"], ["run", "--learner", "±"]])
def test_a_command_on_an_ascii_terminal(command, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "metabench", *command],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "METABENCH_CACHE": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == (0 if command[0] == "data" else 2), done.stderr
    assert (b"28x28" in done.stdout) == (command[0] == "data")
    assert b"Traceback" not in done.stderr
