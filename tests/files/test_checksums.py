"""Checksums of a folder's files name the file that is damaged or missing."""

import pytest

from metabench.files import checksums


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "in" / "b").write_bytes(b"two")
    assert checksums.damaged(tmp_path) is None  # without sums nothing is known
    checksums.write(tmp_path)
    assert checksums.damaged(tmp_path) is None
    return tmp_path


@pytest.mark.parametrize("content", [b"", b"tw", b"twp", None])
def test_a_damaged_file_is_named(folder, content):
    file = folder / "in" / "b"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert checksums.damaged(folder) == file


@pytest.mark.parametrize("content", [b"", b"{", b"3", b"\xff"])
def test_damaged_sums_name_themselves(folder, content):
    (folder / checksums.NAME).write_bytes(content)
    assert checksums.damaged(folder) == folder / checksums.NAME


def test_files_that_came_later_do_not_matter(folder):
    (folder / "later").write_bytes(b"")
    assert checksums.damaged(folder) is None
    checksums.write(folder)
    (folder / "later").unlink()
    assert checksums.damaged(folder) == folder / "later"
