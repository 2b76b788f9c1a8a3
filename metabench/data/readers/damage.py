"""Errors for files that are damaged or of another kind than their names say.

Readers run within `reported`, so that whatever a library raises on malicious bytes
becomes one sentence with the file and the remedy.
"""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from metabench.errors import UserError

# zipfile raises RuntimeError and NotImplementedError (a RuntimeError) for encrypted
# entries and unknown methods of compression. Pillow raises SyntaxError.
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    SyntaxError,
    OverflowError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
AGAIN = "remove it and download it again"
PAGE = (b"<!doctype", b"<html", b"<?xml")


@contextmanager
def reported(path: Path, kind: str) -> Iterator[None]:
    """Turn errors in the block into a sentence about the file at `path`.

    Args:
        path: a file that the block reads.
        kind: what the file should be, with its article: "a zip archive".

    Raises:
        UserError: the file is a web page, damaged, or of another kind.
    """
    try:
        refuse_web_page(path)
        yield
    except UserError:
        raise
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"`{path}` is damaged or not {kind} ({reason[:200]}); {AGAIN}") from error


def refuse_web_page(path: Path) -> None:
    """Raise `UserError` if `path` is a web page that a server sent instead of the file."""
    with path.open("rb") as file:
        start = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(PAGE):
        raise UserError(f"`{path}` is a web page that was saved as an archive; {AGAIN}")


def reason(error: BaseException) -> str:
    """The message of an error, on one line and not long."""
    return " ".join(str(error).split())[:200] or type(error).__name__
