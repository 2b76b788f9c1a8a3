"""Files are written whole or not at all; pipes and devices are written to, and never replaced."""

import errno
import io
import os
import socket
import stat
import sys
import threading
from pathlib import Path

import pytest

from metabench.errors import UserError
from metabench.files import publish


def device(folder, number):
    """A node of the memory devices, in a folder of the test: 3 is `null`, 7 is `full`."""
    path = folder / f"device{number}"
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, number))
        path.open("wb").close()
    except OSError:
        pytest.skip("devices cannot be made or opened here")
    return path


def full(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_in_a_new_folder(tmp_path):
    publish.write_text(tmp_path / "new" / "a.txt", "é")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "é".encode()
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_a_device_stays_a_device(tmp_path):
    path = device(tmp_path, 3)
    publish.write_text(path, "text")
    assert path.is_char_device()
    assert publish.is_stream(path)


def test_a_full_device_is_one_sentence(tmp_path):
    path = device(tmp_path, 7)
    with pytest.raises(UserError, match=r"device7 cannot be written \(No space left on device"):
        publish.write_text(path, "text")
    assert path.is_char_device()


def test_a_pipe_gets_the_bytes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    publish.check_writable(tmp_path / "pipe")  # waits for no reader
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    publish.write_bytes(tmp_path / "pipe", b"content")
    reader.join(10)
    assert read == [b"content"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_a_socket_and_a_disk_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        with pytest.raises(UserError, match=r"`out` socket cannot be written \(it is a socket"):
            publish.write_bytes(Path("socket"), b"")
        assert Path("socket").is_socket()
    with pytest.raises(UserError, match="it is a folder"):
        publish.write_bytes(tmp_path, b"")
    monkeypatch.setattr(Path, "stat", lambda *_, **__: os.stat_result([stat.S_IFBLK, *[0] * 9]))
    with pytest.raises(UserError, match="it is a disk"):
        publish.write_bytes(Path("disk"), b"")


@pytest.mark.parametrize("name", publish.STANDARD_OUTPUT)
def test_standard_output(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, "ascii"))
    publish.write_text(name, "±")
    assert content.getvalue() == "±".encode()
    assert not list(tmp_path.iterdir())


def test_a_link_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    for text in ("one", "two"):
        publish.write_text(tmp_path / "link", text)
        assert (tmp_path / "there" / "file").read_text() == text
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_earlier_file(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    publish.write_text(path, "earlier")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(UserError, match="No space left on device"):
        publish.write_text(path, "later")
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]
