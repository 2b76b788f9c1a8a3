"""Strict JAX, no network, a cache of the session's own, and what many tests draw episodes from."""

import os
import socket
from pathlib import Path

import jax
import pytest

from metabench.conformance import strokes_tables
from metabench.guard.measure import compile_quickly
from metabench.tracks.fewshot import run

jax.config.update("jax_numpy_rank_promotion", "raise")

# Most of the time of these tests goes into compiling small functions that run once. XLA's older
# emitters, one at a time and without optimisation, compile them in a tenth of the time. What is
# compared here, bits included, is compared between functions compiled in this same way; that
# optimisation changes no more than rounding is the compiler's to keep. `make run`, and the tests
# with the fixture `optimised`, compile as users do.
compile_quickly()
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # in processes that tests start


# Files of long tests that share nothing. The tests of any other file share what is compiled.
APART = ("conformance/test_dataset_checks.py",)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Under pytest-xdist, tests that share compiled functions or data go to one worker."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # in the order of `pytest_collection_modifyitems`

    class Sharing(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.split("::")[0]
            for name in ("mini_imagenet", "mnist", "omniglot_trials", "omniglot"):
                if name in nodeid and any(word in nodeid for word in ("_real_", "_archives[")):
                    return name  # the archives of a dataset are prepared once
            if file.endswith("conformance/test_registered.py"):
                return nodeid.rsplit("-", 1)[0]  # `test_learner[protonet-jit]`: by learner
            return nodeid if file.endswith(APART) else file

    return Sharing(config, log)


def pytest_collection_modifyitems(items):
    # Long ones first, so that no worker is left with one while the others are done.
    items.sort(key=lambda item: "slow" not in item.keywords)
    archives = os.environ.get("METABENCH_ARCHIVES")
    if archives and Path(archives).is_dir():
        return
    skip = pytest.mark.skip(reason="METABENCH_ARCHIVES is not set or not a folder")
    for item in items:
        if "realdata" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory):
    """A folder for prepared data and compiled functions, of this worker and session alone."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("METABENCH_CACHE", str(folder))
        jax.config.update("jax_compilation_cache_dir", str(folder / "compiled"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        # and for processes that tests start
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder / "compiled"))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        yield folder


@pytest.fixture(scope="session", autouse=True)
def adaptation_is_not_timed():
    """Runs do not time one adaptation, for which each would compile `adapt` by itself.

    `tests/scoring` and `tests/tracks/fewshot/test_run.py` test the time.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "adaptation_ms", lambda *_: 1.0)
        yield


@pytest.fixture
def optimised():
    """What is compiled inside is optimised: for trainings that take longer than their compiling."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Connections to other machines fail; those to this one are allowed."""
    connect = socket.socket.connect

    def guarded(self, address):
        local = self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost")
        if not local:
            raise OSError(f"tests have no network; this one asked for {address}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def strokes_table():
    """Small class tables of procedural drawings: "train", "val" and "test"."""
    return strokes_tables()
