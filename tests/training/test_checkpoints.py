"""Checkpoints: whole, one training in a folder at a time, and nothing of an earlier one lost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.training import checkpoints as checkpoints_module
from metabench.training.checkpoints import (
    Checkpoints,
    Snapshot,
    nothing_to_resume,
    opened,
    set_aside,
    steps_in,
)

STATE = {"a": jnp.arange(3), "b": (jnp.float32(0.1), jnp.ones((2, 2)))}


def test_snapshots_come_back_whole(tmp_path):
    best = jax.tree.map(lambda leaf: leaf + 1, STATE)
    checkpoints = Checkpoints(tmp_path / "deep" / "folder")
    assert checkpoints.newest(STATE) is None
    checkpoints.save(Snapshot(5, STATE, best, {"x": [1, 0.1, None]}))
    checkpoints.save(Snapshot(9, best, STATE, {"x": []}))
    found = checkpoints.newest(STATE)
    assert found.step == 9
    assert found.notes == {"x": []}
    jax.tree.map(np.testing.assert_array_equal, found.state, best)
    jax.tree.map(np.testing.assert_array_equal, found.best, STATE)
    checkpoints.close()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "inner"
    with pytest.raises(UserError, match=r"`run_dir` .* cannot be written"):
        Checkpoints(folder)
    with (
        pytest.raises(UserError, match=r"`run_dir` .* cannot be written"),
        opened(folder, False, print),
    ):
        pass


def test_set_aside(tmp_path):
    folder, aside = tmp_path / "run", tmp_path / "run.previous"
    assert set_aside(folder) is None
    for text in ("old", "new"):
        folder.mkdir()
        assert set_aside(folder) is None
        (folder / "step").write_text(text)
        assert set_aside(folder) == aside
        assert not folder.exists()
        assert (aside / "step").read_text() == text


def test_an_earlier_run_is_continued_or_set_aside(tmp_path):
    notes, folder = [], tmp_path / "run"
    with opened(folder, False, notes.append) as checkpoints:
        checkpoints.save(Snapshot(5, STATE, STATE, {}))
    with opened(folder, True, notes.append) as checkpoints:
        assert checkpoints.newest(STATE).step == 5
    assert notes == []
    assert steps_in(folder) == [5]
    with opened(folder, False, notes.append) as checkpoints:
        assert checkpoints.newest(STATE) is None
    assert [str(tmp_path / "run.previous") in note for note in notes] == [True]


def test_it_is_said_where_there_is_nothing_to_resume(tmp_path):
    notes, folder = [], tmp_path / "run"
    with opened(folder, True, notes.append) as checkpoints:
        assert checkpoints.newest(STATE) is None
    assert notes == [nothing_to_resume(folder)]
    assert "`--resume` finds no checkpoint" in notes[0]
    assert f"in {folder}: this training begins at its first step" in notes[0]


@pytest.mark.parametrize("resume", [True, False])
def test_a_second_training_in_a_folder_is_turned_away(resume, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints_module, "PATIENCE", 0)
    folder = tmp_path / "run"
    with opened(folder, False, print) as checkpoints:
        checkpoints.save(Snapshot(5, STATE, STATE, {}))
        with (
            pytest.raises(UserError, match=r"another process is training in .*run with the same"),
            opened(folder, resume, print),
        ):
            pass
        assert checkpoints.newest(STATE).step == 5
    assert not (tmp_path / "run.previous").exists()


def test_a_training_that_fails_lets_go_of_its_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), opened(tmp_path / "run", False, print):
        raise ZeroDivisionError
    with opened(tmp_path / "run", True, print):
        pass
