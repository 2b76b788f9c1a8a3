"""An entry is written whole or not at all, whatever happens."""

import os
from pathlib import Path

import pytest

from metabench.entries import folder as folders
from metabench.errors import UserError

ABOUT = {
    "learner": {"name": "mine.mine", "version": "1", "reference": "source/mine.py:mine",
                "digest": "a" * 64},
    "claims": {"authors": ["A. Author"]},
    "command": "metabench submit",
    "created": "2026-01-02T03:04:05+00:00",
    "environment": {},
}  # fmt: skip


class Stop(BaseException):
    """The process ends here."""


def content(original):
    return {
        path.relative_to(original).as_posix(): path.read_bytes()
        for path in sorted(original.rglob("*"))
        if path.is_file() and path.name != folders.ABOUT
    }


def stopping_at(patch, number):
    """The `number`-th operation on files ends the process, in its middle."""
    done = [0]
    for owner, name in ((os, "fsync"), (Path, "rename"), (Path, "mkdir"), (Path, "chmod")):
        real = getattr(owner, name)

        def counted(*arguments, real=real, **options):
            done[0] += 1
            if done[0] == number:
                raise Stop
            return real(*arguments, **options)

        patch.setattr(owner, name, counted)


@pytest.mark.parametrize("replace", [False, True])
def test_a_stop_at_any_operation_leaves_the_old_entry_or_the_new_one(
    original, tmp_path, monkeypatch, replace
):
    target, files = tmp_path / "entry", content(original)
    ends = 0
    for number in range(1, 40):
        if replace and not target.exists() and not list(tmp_path.iterdir()):
            folders.write(target, ABOUT | {"command": "old"}, files, replace=False)
        with monkeypatch.context() as patch:
            stopping_at(patch, number)
            try:
                folders.write(target, ABOUT | {"command": "new"}, files, replace=replace)
            except Stop:
                ends += 1
            else:
                break
        places = [target, *tmp_path.glob(".entry.*.previous")]
        found = [folders.read(place) for place in places if place.exists()]
        assert all(not list(folders.damage(one)) for one in found)
        assert bool(found) == replace or target.exists()
    assert ends > 5
    assert folders.read(target).about["command"] == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]


def test_a_full_disk_is_one_sentence_and_changes_nothing(original, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    target, files = tmp_path / "entry", content(original)
    folders.write(target, ABOUT, files, replace=False)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        folders.write(target, ABOUT | {"command": "new"}, files, replace=True)
    assert folders.read(target).about["command"] == "metabench submit"
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]


def test_of_two_submissions_to_one_folder_the_second_is_refused(original, tmp_path, monkeypatch):
    target, files = tmp_path / "entry", content(original)
    check = folders.check_free

    def other_is_faster(folder, replace):
        check(folder, replace)
        with monkeypatch.context() as patch:
            patch.setattr(folders, "check_free", check)
            folders.write(target, ABOUT | {"command": "faster"}, files, replace=False)

    monkeypatch.setattr(folders, "check_free", other_is_faster)
    with pytest.raises(UserError, match="cannot be written"):
        folders.write(target, ABOUT, files, replace=False)
    assert folders.read(target).about["command"] == "faster"


def test_what_is_no_entry_is_never_replaced(tmp_path):
    (tmp_path / "notes").mkdir()
    for replace in (False, True):
        with pytest.raises(UserError, match="is no entry"):
            folders.check_free(tmp_path / "notes", replace)
    with pytest.raises(UserError, match="is no entry"):
        folders.read(tmp_path / "notes")


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"names the folder .*, but there is no such folder"):
        folders.read(tmp_path / "none")
