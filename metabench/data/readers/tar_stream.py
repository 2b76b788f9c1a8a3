"""Reads tar archives member by member, without unpacking to disk and without trusting them.

The sizes of a member and of the whole archive are limited while it is being unpacked, so
that a decompression bomb is noticed before it does harm.
"""

from __future__ import annotations

import gzip
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, cast

from metabench.data.readers.damage import reported
from metabench.errors import UserError

GZIP, XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
STEP = 1 << 20  # bytes unpacked at once if they are only skipped


def members(path: Path, largest: int, total: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file in the archive, in its order.

    Args:
        path: a tar archive, uncompressed or compressed by gzip or xz.
        largest: bytes that a member may have.
        total: bytes that the whole archive may have when unpacked.

    Raises:
        UserError: it is damaged, too large, or has members that are not plain files or
            would lie outside of its folder.
    """
    with reported(path, "a tar archive"), ExitStack() as stack:
        source = _Bounded(stack.enter_context(_unpacked(path)), path, largest, total)
        archive = stack.enter_context(tarfile.open(fileobj=source, mode="r:"))  # type: ignore[call-overload]
        while (member := archive.next()) is not None:
            archive.members.clear()  # tarfile keeps them all
            if _kept(member, path, largest):
                content = archive.extractfile(member)
                assert content is not None, "a plain file has content"
                yield member.name, content.read()
        source.finish()


def _unpacked(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        start = file.read(len(XZ))
    if start.startswith(GZIP):
        return cast(IO[bytes], gzip.open(path))
    return lzma.open(path) if start == XZ else path.open("rb")


def _kept(member: tarfile.TarInfo, path: Path, largest: int) -> bool:
    """Whether a member is a file, not a folder; others are refused."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or "\0" in member.name:
        raise _refused(path, member, "which would lie outside of its folder")
    if member.isdir():
        return False
    if not member.isreg() or member.issparse():
        raise _refused(path, member, "which is a link or a device, not a plain file")
    if member.size > largest:
        raise _refused(path, member, f"with {member.size:,} bytes, more than {largest:,}")
    return True


def _refused(path: Path, member: tarfile.TarInfo, finding: str) -> UserError:
    return UserError(
        f"`{path}` holds `{member.name[:80]!s}`, {finding}; get the archive from another source"
    )


class _Bounded:
    """The part of a file that tarfile reads, with a limited size; it only goes forwards."""

    def __init__(self, file: IO[bytes], path: Path, largest: int, total: int) -> None:
        self._file, self._path, self._place = file, path, 0
        self._largest, self._total = largest, total

    def read(self, size: int) -> bytes:
        # tarfile reads at most one member at once, or the extension of its header.
        wanted = min(size, self._largest + tarfile.BLOCKSIZE)
        content = self._file.read(wanted)
        self._place += len(content)
        if wanted < size or self._place > self._total:
            raise UserError(
                f"`{self._path}` unpacks to more than {self._total:,} bytes, or has a header of "
                f"more than {self._largest:,}; get the archive from another source"
            )
        return content

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> None:
        while self._place < place:
            if not self.read(min(place - self._place, self._largest, STEP)):
                raise EOFError("it ends early")
        if self._place > place:
            raise tarfile.ReadError("it refers back")

    def finish(self) -> None:
        """Read to the end, where gzip and xz have their checksums."""
        while self.read(min(self._largest, STEP)):
            pass
