"""What trainings leave is removed, and what somebody may still need is not."""

import pytest

from metabench.errors import UserError
from metabench.training.checkpoints import opened, set_aside
from metabench.training.cleaning import clean


def checkpoint(folder, step=5):
    """A folder of checkpoints as Orbax names them."""
    (folder / str(step)).mkdir(parents=True)
    (folder / str(step) / "arrays").write_text("numbers")
    return folder


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_locks_replaced_checkpoints_and_half_written_ones_go(tmp_path):
    folder = tmp_path / "protocol" / "protonet-0a1b2c3d" / "seed0"
    checkpoint(folder)
    aside = set_aside(folder)
    checkpoint(folder, 7)
    half = folder / "9.orbax-checkpoint-tmp-0"
    half.mkdir()
    lock = folder.with_name("seed0.lock")
    lock.touch()
    (folder.parent / "learning-curve.png").touch()
    done = clean(tmp_path)
    assert done == ([half, aside, lock], [], [])
    assert tree(folder.parent) == ["learning-curve.png", "seed0", "seed0/7", "seed0/7/arrays"]
    assert clean(tmp_path) == ([], [], [])


def test_a_training_in_progress_is_left_alone(tmp_path):
    folder = checkpoint(tmp_path / "seed0")
    with opened(folder, False, lambda note: None):
        checkpoint(folder, 7)
        (folder / "9.orbax-checkpoint-tmp-0").mkdir()
        before = tree(tmp_path)
        assert clean(tmp_path) == ([], [folder], [])
        assert tree(tmp_path) == before
        with pytest.raises(UserError, match="another process is training"):
            patiently_opened(folder)
    assert len(clean(tmp_path).removed) == 3


def patiently_opened(folder):
    """Tries to train in `folder` beside another, without waiting long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("metabench.training.checkpoints.PATIENCE", 0)
        with opened(folder, True, print):
            pass


def test_the_only_checkpoints_are_kept(tmp_path):
    """A training that was stopped before its first checkpoint has not replaced the earlier one."""
    folder = checkpoint(tmp_path / "seed3")
    aside = set_aside(folder)
    folder.mkdir()
    assert clean(tmp_path) == ([], [], [aside])
    assert tree(tmp_path) == [
        "seed3",
        "seed3.previous",
        "seed3.previous/5",
        "seed3.previous/5/arrays",
    ]


def test_other_files_and_folders_are_nobodys_business(tmp_path):
    for name in ("poetry.lock", "seed.lock", "seedling3.lock", "seed0.lock.txt"):
        (tmp_path / name).touch()
    (tmp_path / "mine.previous").mkdir()
    before = tree(tmp_path)
    assert clean(tmp_path) == ([], [], [])
    assert tree(tmp_path) == before


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"`run_dir` .*absent is not there"):
        clean(tmp_path / "absent")
