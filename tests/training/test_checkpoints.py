"""Checkpoints: whole, one training in a folder at a time, and nothing of an earlier one lost."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.files import checksums
from metabench.training import checkpoints as checkpoints_module
from metabench.training.checkpoints import (
    Checkpoints,
    OtherFormError,
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


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a run with one checkpoint."""
    folder = tmp_path_factory.mktemp("saved") / "seed0"
    with opened(folder, False, print) as checkpoints:
        checkpoints.save(Snapshot(5, STATE, STATE, {"history": [[5, 1.0]]}))
    return folder


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def empty(path):
    path.write_bytes(b"")


def garble(path):
    path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))


def change_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("damage", [cut, empty, garble, change_a_byte, remove])
@pytest.mark.parametrize(
    "name", ["notes/metadata", "arrays/_METADATA", "arrays/manifest.ocdbt", "arrays/d/*"]
)
def test_a_damaged_file_is_named_with_the_remedy(saved, tmp_path, damage, name):
    folder = shutil.copytree(saved, tmp_path / "seed0")
    file = next((folder / "5").glob(name))
    damage(file)
    for earlier in (False, True):
        if earlier:
            (tmp_path / "seed0.previous").mkdir()
        with (
            opened(folder, True, print) as checkpoints,
            pytest.raises(UserError, match=f"remove {folder} to train again") as caught,
        ):
            checkpoints.newest(STATE)
        state = "missing" if damage is remove else "damaged"
        assert f"the checkpoint cannot be read, as {file} is {state}; " in str(caught.value)
        assert (f"put {folder}.previous in the place of {folder}" in str(caught.value)) == earlier
    assert not isinstance(caught.value, OtherFormError)


@pytest.mark.parametrize("lost", ["arrays", "notes", "notes/metadata", ""])
def test_an_older_checkpoint_without_checksums(saved, tmp_path, lost):
    folder = shutil.copytree(saved, tmp_path / "seed0")
    (folder / "5" / checksums.NAME).unlink()
    with opened(folder, True, print) as checkpoints:
        assert checkpoints.newest(STATE).step == 5
    there = folder / "5" / lost
    shutil.rmtree(there) if there.is_dir() else there.unlink()
    if not lost:
        there.mkdir()
    with (
        opened(folder, True, print) as checkpoints,
        pytest.raises(UserError, match=f"as {folder}/5 is damaged; remove"),
    ):
        checkpoints.newest(STATE)


@pytest.mark.parametrize("sums", [True, False])
def test_states_of_another_form(saved, tmp_path, sums):
    folder = shutil.copytree(saved, tmp_path / "seed0")
    if not sums:
        (folder / "5" / checksums.NAME).unlink()
    for other in (STATE | {"a": jnp.arange(4)}, {"a": STATE["a"]}, STATE | {"c": jnp.arange(2)}):
        with (
            opened(folder, True, print) as checkpoints,
            pytest.raises(OtherFormError, match="states of another form"),
        ):
            checkpoints.newest(other)


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise ValueError("RESOURCE_EXHAUSTED: Error writing: No space left on device [source]")

    with opened(tmp_path / "run", False, print) as checkpoints:
        checkpoints.save(Snapshot(5, STATE, STATE, {}))
        monkeypatch.setattr(checkpoints._manager, "save", full)
        with pytest.raises(UserError, match=r"`run_dir` .*run has no room .No space left on"):
            checkpoints.save(Snapshot(9, STATE, STATE, {}))
        monkeypatch.undo()
        monkeypatch.setattr(checksums, "write", lambda folder: (folder / "no").read_bytes())
        with pytest.raises(UserError, match=r"`run_dir` .*run cannot be written .No such file"):
            checkpoints.save(Snapshot(10, STATE, STATE, {}))
