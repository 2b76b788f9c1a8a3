"""Writes a file completely or not at all; a pipe or a device is written to as it is.

A regular file is written under a temporary name beside it and renamed. What is no file, such as
`/dev/null`, is never renamed over. A link is followed.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from metabench.errors import UserError

STANDARD_OUTPUT = (Path("-"), Path("/dev/stdout"))
REFUSED = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISBLK, "it is a disk"),
)


def write_text(path: Path, text: str) -> None:
    """Write a text, completely or not at all; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file through a temporary one beside it, or to a stream (`is_stream`).

    Raises:
      UserError: it cannot be written; an earlier file is still there then, as it was.
    """
    check_writable(path)
    try:
        if is_standard_output(path):
            _print(content)
        elif is_stream(path):
            with path.open("wb") as stream:
                stream.write(content)
        else:
            replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise _unwritable(path, error) from error


def is_standard_output(path: Path) -> bool:
    """Whether `path` stands for standard output: `-` or `/dev/stdout`."""
    return path in STANDARD_OUTPUT


def is_stream(path: Path) -> bool:
    """Whether what is written to `path` flows on: standard output, a pipe, or a device."""
    if is_standard_output(path):
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def check_writable(path: Path) -> None:
    """Raise `UserError` if nothing can be written to `path`. Leaves nothing behind."""
    try:
        if is_stream(path):
            if not (is_standard_output(path) or os.access(path, os.W_OK)):
                raise PermissionError(0, "Permission denied")
            return
        mode = path.stat().st_mode if path.exists() else 0
        for is_kind, reason in REFUSED:
            if is_kind(mode):
                raise OSError(0, reason)
        target = Path(os.path.realpath(path))
        there = next(folder for folder in target.parents if folder.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def _print(content: bytes) -> None:
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:  # a notebook's
        sys.stdout.write(content.decode("utf-8"))
    else:
        sys.stdout.flush()
        binary.write(content)
    sys.stdout.flush()


def replace(path: Path, content: bytes) -> None:
    """Write a regular file, completely or not at all, and its folder; `OSError` if it cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=".metabench-", delete=False
    ) as temporary:
        try:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
            os.chmod(temporary.name, 0o644)
            os.replace(temporary.name, path)
        except BaseException:
            os.unlink(temporary.name)
            raise


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"`out` {path} cannot be written ({error.strerror}); name another file")
