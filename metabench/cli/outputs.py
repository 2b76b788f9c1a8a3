"""Where a command's files go, checked before its work begins: no work and no other file is lost."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from metabench.cli.command import command_line
from metabench.errors import UserError
from metabench.files import publish

PNG = b"\x89PNG\r\n\x1a\n"  # how such files begin
REMEDY = "name another file, or write over it with `--force`"


def check_out(path: Path, suffix: str) -> None:
    """`UserError` unless `path` ends in `suffix` or is a stream, and can be written."""
    if path.suffix != suffix and not publish.is_stream(path):
        raise UserError(f"`out` is {path}; its name must end in {suffix}")
    publish.check_writable(path)


def beside(path: Path, suffix: str) -> Path | None:
    """The second file of a command, checked; None if the first is a stream: nothing lies there."""
    if publish.is_stream(path):
        return None
    other = path.with_suffix(suffix)
    publish.check_writable(other)
    return other


def same_command(document: Mapping[str, Any]) -> bool:
    """Whether a file's document says that this process's command made it."""
    return document.get("command") == command_line()


def check_replaceable(
    path: Path | None, force: bool, same: Callable[[Mapping[str, Any]], bool] = same_command
) -> None:
    """`UserError` if `path` holds anything but a result for which `same` is true.

    Args:
      path: of a JSON file; None if there is none to write.
      force: the user has said that the file may be replaced.
      same: told the document of the file that is there.
    """
    if path is None or force or not (content := _content(path)):
        return
    try:
        document = json.loads(content)
    except ValueError:  # not JSON, or not even text
        document = None
    if not isinstance(document, dict):
        raise UserError(f"`out` {path} is there, and is no result file; {REMEDY}")
    if not same(document):
        command = document.get("command")
        made = f"was made by another run ({command})" if command else "tells no command"
        raise UserError(f"`out` {path} {made}; {REMEDY}")


def check_picture(path: Path | None, force: bool) -> None:
    """`UserError` if `path` holds anything but a PNG; None: there is none to write."""
    if path is not None and not force and not _begins(path, PNG):
        raise UserError(f"`out` {path} is there, and is no PNG file; {REMEDY}")


def check_table(path: Path, head: str, force: bool) -> None:
    """`UserError` if `path` holds anything but a table that begins with `head`."""
    if not force and not _begins(path, head.encode()):
        raise UserError(f"`out` {path} is there, and is another table or file; {REMEDY}")


def check_page(path: Path, force: bool) -> None:
    """`UserError` if `path` holds anything but a page of leaderboards."""
    from metabench.results.page import HEADING

    if not force and not _begins(path, HEADING.encode()):
        raise UserError(f"`markdown` {path} is there, and is no page of leaderboards; {REMEDY}")


def _begins(path: Path, start: bytes) -> bool:
    """Whether the file at `path` begins so; also if it is empty, or not there."""
    content = _content(path)
    return not content or content.startswith(start)


def _content(path: Path) -> bytes:
    """Of a regular file; empty if there is none."""
    if publish.is_stream(path) or not path.is_file():
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"`out` {path} cannot be read ({error.strerror}); {REMEDY}") from error


@contextlib.contextmanager
def told(path: Path | None) -> Iterator[None]:
    """What is printed meanwhile goes to standard error if standard output is for a file's bytes."""
    if path is None or not publish.is_standard_output(path):
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield
