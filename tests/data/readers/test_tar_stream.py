"""Tar archives that are damaged, or made to do harm."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import tarfile
import tracemalloc

import pytest

from metabench import data
from metabench.data.readers.tar_stream import members
from metabench.errors import UserError
from tests.datasets import tiny_mini_imagenet as tiny

LARGEST, TOTAL = 1 << 16, 1 << 20
FILES = {f"folder/{name}": os.urandom(3000) for name in "abc"}


def read(path):
    return dict(members(path, LARGEST, TOTAL))


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.xz", "misnamed"])
def test_files_come_in_the_archives_order(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    tiny.write_tar(path, FILES, **{"folder/d": {"type": tarfile.DIRTYPE}})
    assert list(read(path).items()) == list(FILES.items())


def test_long_names_are_read(tmp_path):
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(tmp_path / "x.tar", "w", format=form) as archive:
            info = tarfile.TarInfo("folder/" * 30 + "é.jpg")
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
        assert read(tmp_path / "x.tar") == {info.name: b"abc"}


def special(**fields):
    """FILES with a member that is something else."""
    return FILES | {"folder/x": b""}, {"folder/x": fields}


HARM = {
    "symbolic link": (special(type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a link or a device"),
    "hard link": (special(type=tarfile.LNKTYPE, linkname="folder/a"), "a link or a device"),
    "device": (special(type=tarfile.CHRTYPE), "a link or a device"),
    "pipe": (special(type=tarfile.FIFOTYPE), "a link or a device"),
    "absolute": ((FILES | {"/etc/passwd": b"x"}, {}), "outside of its folder"),
    "upwards": ((FILES | {"folder/../../x": b"x"}, {}), "outside of its folder"),
    "folder upwards": (special(type=tarfile.DIRTYPE, name="../x"), "outside of its folder"),
    "backslashes": ((FILES | {"..\\x": b"x"}, {}), "outside of its folder"),
    "large member": ((FILES | {"folder/x": bytes(LARGEST + 1)}, {}), "with 65,537 bytes, more"),
}


@pytest.mark.parametrize("name", HARM)
@pytest.mark.parametrize("ending", ["tar", "tar.xz"])
def test_harmful_members_are_refused(tmp_path, name, ending):
    (content, infos), finding = HARM[name]
    path = tiny.write_tar(tmp_path / f"x.{ending}", content, **infos)
    with pytest.raises(UserError, match=finding) as caught:
        read(path)
    assert str(caught.value).startswith(f"`{path}` holds `")
    assert str(caught.value).endswith("; get the archive from another source")
    assert "\n" not in str(caught.value)


def header(size, kind=tarfile.REGTYPE):
    """A header of a member that says it has `size` bytes."""
    info = tarfile.TarInfo("folder/x")
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


BOMBS = {
    "many members": b"".join(header(LARGEST) + bytes(LARGEST) for _ in range(1000)),
    "extended header": header(1 << 25, tarfile.XHDTYPE) + bytes(1 << 25),
    "long name": header(1 << 25, tarfile.GNUTYPE_LONGNAME) + bytes(1 << 25),
    "folder with content": header(1 << 25, tarfile.DIRTYPE) + bytes(1 << 25),
    "after the end": header(0) + bytes(1 << 25),
}


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: lzma.compress(data, preset=0)])
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_do_not_go_off(tmp_path, name, pack):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(pack(BOMBS[name]))
    tracemalloc.start()
    with pytest.raises(UserError, match="unpacks to more than 1,048,576 bytes, or has a header"):
        for _ in members(path, LARGEST, TOTAL):
            pass
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()


def cut(content):
    return content[: len(content) // 2]


def flipped(content):
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 0xFF
    return bytes(changed)


def flipped_at_the_end(content):
    """Within the checksum of gzip and xz, which is met only by who reads to the end."""
    changed = bytearray(content)
    changed[-8 if content[0] == 0x1F else -33] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize("damage", [cut, flipped, flipped_at_the_end])
@pytest.mark.parametrize("ending", ["gz", "xz"])
def test_damage_is_noticed(tmp_path, damage, ending):
    path = tiny.write_tar(tmp_path / f"x.tar.{ending}", FILES)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=r"is damaged or not a tar archive \(.+\); remove it and"):
        read(path)


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"\n <!DOCTYPE html>", "is a web page"),
        (b"", "is damaged or not a tar archive"),
        (b"\x07" * 999, "is damaged or not a tar archive"),
        (b"PK\x03\x04" + bytes(2000), "is damaged or not a tar archive"),
        (gzip.compress(b"text", mtime=0), "is damaged or not a tar archive"),
        (header(5000) + b"x", "is damaged or not a tar archive"),
    ],
)
def test_what_is_no_tar_archive_is_refused(tmp_path, content, finding):
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    with pytest.raises(UserError, match=finding) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [cut, flipped, flipped_at_the_end])
def test_a_damaged_dataset_leaves_nothing_that_is_trusted(tmp_path, damage):
    path = tiny.write_tar(tmp_path / "mini-imagenet.tar.xz", tiny.files())
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    cache = tmp_path / "cache"
    with pytest.raises(UserError, match=r"mini-imagenet.tar.xz` is damaged"):
        data.prepare(tiny.SPEC, None, tmp_path, cache, progress=False)
    assert not data.is_prepared(tiny.SPEC, cache=cache)
    assert not list(cache.rglob("*.array_record*"))
    path.write_bytes(whole)
    assert data.load_or_prepare(tiny.SPEC, None, tmp_path, cache, progress=False).labels.size == 12
