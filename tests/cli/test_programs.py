"""Compiled programs in the cache: where, and when not."""

import os
import subprocess
import sys
import warnings

import jax
import pytest

from metabench.cli import programs

RUN = (
    *("run", "--learner", "autoencoder", "--dataset", "strokes", "--way", "3", "--query", "2"),
    *("--episodes", "4", "--train", "steps=2", "--train", "validate_every=2"),
    *("--train", "validation_episodes=2", "--set", "hidden=2", "--image-size", "8", "--quiet"),
)


@pytest.fixture
def unset():
    """JAX without a folder, as a user has it."""
    ours = kept()
    jax.config.update(programs.OPTION, None)
    yield
    jax.config.update(programs.OPTION, ours)


def kept():
    return getattr(jax.config, programs.OPTION)


def test_a_folder_of_the_cache(tmp_path, monkeypatch, unset):
    monkeypatch.setenv("METABENCH_CACHE", str(tmp_path / "cache"))
    programs.keep()
    assert kept() == str(tmp_path / "cache" / "programs" / programs.processor())
    assert not (tmp_path / "cache").exists()


def test_what_the_user_has_set_stands(unset):
    jax.config.update(programs.OPTION, "elsewhere")
    programs.keep()
    assert kept() == "elsewhere"


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_where_nothing_can_be_written_nothing_is_kept(tmp_path, monkeypatch, unset, place):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("METABENCH_CACHE", str(tmp_path / place))
    programs.keep()
    assert kept() is None


@pytest.mark.slow
def test_a_run_leaves_its_programs_there(tmp_path):
    settings = os.environ | {"METABENCH_CACHE": str(tmp_path / "cache")}
    del settings["JAX_COMPILATION_CACHE_DIR"]
    outcome = subprocess.run(
        [sys.executable, "-m", "metabench", *RUN, "--out", "result.json"],
        cwd=tmp_path,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert any((tmp_path / "cache" / "programs" / programs.processor()).iterdir())


def test_a_damaged_program_is_compiled_again_without_a_warning(tmp_path, monkeypatch, unset):
    monkeypatch.setenv("METABENCH_CACHE", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        programs.keep()
        entry = "persistent compilation cache entry for 'jit_run': ZstdError: bad"
        for verb in ("reading", "writing"):
            warnings.warn(f"Error {verb} {entry}", stacklevel=1)
        with pytest.raises(UserWarning, match="another"):
            warnings.warn("another", stacklevel=1)
