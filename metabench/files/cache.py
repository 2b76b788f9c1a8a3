"""Where prepared data lives, and how it is put there: completely or not at all.

A folder under its final name is complete: it is written under a temporary name
beside it, flushed to disk and renamed. Nothing here knows what is in it.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metabench.errors import UserError
from metabench.files.progress import say

VARIABLE = "METABENCH_CACHE"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def root(cache: Path | str | None = None) -> Path:
    """Return the cache folder: the argument, else `METABENCH_CACHE`, else the platform's own."""
    chosen = cache or os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("metabench", appauthor=False)


def folder(path: Path) -> Path:
    """Make a folder of the cache, or say in one sentence why it cannot be made.

    Raises:
        UserError: the folder cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error.strerror) from error
    if not os.access(path, os.W_OK):
        raise _unwritable(path, "no permission to write")
    return path


def _unwritable(path: Path, reason: str | None) -> UserError:
    return UserError(
        f"`cache` folder {path} cannot be written to ({reason}); "
        f"set `{VARIABLE}` to a folder that can"
    )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a full disk or a missing permission into one sentence; `path` is in the cache.

    Raises:
        UserError: instead of the `OSError` of either.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = full(error)
        if reason:
            raise UserError(
                f"there is no room for {path} ({reason}); free some space there, or set "
                f"`{VARIABLE}` to a folder with more of it"
            ) from error
        if isinstance(error, OSError) and error.errno in FORBIDDEN:
            named = error.filename or path
            raise UserError(
                f"`{named}` cannot be used ({error.strerror}); change its permissions, or name "
                f"other folders with `{VARIABLE}` and `METABENCH_ARCHIVES`"
            ) from error
        raise


def full(error: Exception) -> str:
    """The system's message if an error means a full disk, else nothing."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno in FULL else ""
    # The writers of ArrayRecords and checkpoints raise their own errors, with this message in.
    words = (os.strerror(number) for number in FULL)
    return next((one for one in words if one in str(error)), "")


@contextmanager
def publication(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends without an error.

    An earlier `target` is replaced. The caller holds the lock of `target`, so any
    temporary folders found here were left behind by a process that was killed.
    """
    parent = folder(target.parent)
    for leftover in parent.glob(f".{target.name}.*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = parent / f".{target.name}.{os.getpid()}.tmp"
    temporary.mkdir()
    try:
        yield temporary
        _flush(temporary)
        earlier = parent / f".{target.name}.{os.getpid()}.old.tmp"
        if target.exists():
            os.rename(target, earlier)
        os.rename(temporary, target)
        _fsync(parent)
        shutil.rmtree(earlier, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def locked(path: Path, purpose: str, shown: bool = True) -> Iterator[None]:
    """Hold the lock file at `path`; a second process says what it is waiting for."""
    from filelock import FileLock, Timeout

    folder(path.parent)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Another process is {purpose}; waiting for it …", shown)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _flush(path: Path) -> None:
    """Ask the system to write a folder and everything in it to disk before it is renamed."""
    for inner in path.rglob("*"):
        _fsync(inner)
    _fsync(path)


def _fsync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
