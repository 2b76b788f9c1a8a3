"""The command line, called in this process from an empty folder."""

import contextlib
import io
import sys
from typing import NamedTuple

import pytest

from metabench import data
from metabench.cli import main
from metabench.compute.native import use_native
from metabench.data import download


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def call(*arguments):
    """`metabench` with `arguments`, as a shell would start it."""
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        patch.setattr(sys, "argv", ["metabench", *map(str, arguments)])
        patch.setenv("COLUMNS", "160")
        patch.delenv("METABENCH_ARCHIVES", raising=False)
        try:
            main()
        except SystemExit as end:
            return Outcome(end.code, out.getvalue(), err.getvalue())
    raise AssertionError("the command line ended without an exit code")


@pytest.fixture(scope="package", autouse=True)
def native():
    """XLA's own convolutions, which compile much faster."""
    with use_native(True):
        yield


@pytest.fixture(scope="package", autouse=True)
def own_cache(session_cache, tmp_path_factory):
    """A cache of these tests' own: what commands say depends on which datasets are prepared."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cli-cache")
        patch.setenv("METABENCH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="package")
def strokes(own_cache):
    """The procedural dataset, prepared."""
    return data.load_or_prepare("strokes", progress=False)


@pytest.fixture
def metabench(tmp_path, monkeypatch):
    """Calls the command line; the working folder is new and empty."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return call


@pytest.fixture(scope="module")
def metabench_in():
    """Calls the command line in the folder that its first argument names."""

    def called(folder, *arguments):
        folder.mkdir(exist_ok=True)
        with contextlib.chdir(folder):
            return call(*arguments)

    return called


@pytest.fixture
def no_servers(monkeypatch):
    """No server can be reached; yields the addresses that were asked for."""
    asked = []
    monkeypatch.setattr(download, "reachable", lambda url: bool(asked.append(url)))
    return asked
