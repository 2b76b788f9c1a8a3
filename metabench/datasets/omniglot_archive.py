"""Reads Omniglot's zip archives without unpacking them to disk, trusting nothing in them.

Layout: `<folder>/<Alphabet>/characterNN/IIII_DD.png`, where DD is the drawer. Every
character that the class list names must be there with all its drawings, and nothing
else, so that a wrong, cut or damaged file is met before anything is built from it.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from metabench.errors import UserError

SIDE = 105  # pixels
LARGEST = 1 << 16  # bytes; real drawings take a few hundred
DRAWING = re.compile(
    r"(?P<folder>\w+)/(?P<name>[\w()-]+/character\d\d)/\d{4}_(?P<drawer>\d\d)\.png"
)
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, Image.DecompressionBombError)


class Part(NamedTuple):
    """One archive: the characters that it must hold and how often each is drawn."""

    archive: str
    folder: str
    classes: tuple[str, ...]  # "Alphabet/characterNN", in the table's order
    drawings: int = 20


class Drawing(NamedTuple):
    """One image of one character, as it lies in the archive."""

    name: str  # "Alphabet/characterNN"
    drawer: int
    png: bytes


def drawings(path: Path, part: Part) -> Iterator[Drawing]:
    """Yield every drawing, character by character in the order of `part`, then by drawer.

    Raises:
        UserError: the file is not that archive, or is damaged.
    """
    with _opened(path) as archive:
        entries = _entries(archive, path, part)
        for name in part.classes:
            for drawer in range(1, part.drawings + 1):
                yield Drawing(name, drawer, _checked(archive.read(entries[name, drawer])))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise UserError(f"`{path}` is a web page that was saved as an archive; download it again")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    # RuntimeError and NotImplementedError: zipfile's words for encrypted entries
    # and methods of compression that it does not know.
    except (*DAMAGE, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"`{path}` is damaged or not a zip archive ({error}); download it again"
        ) from error


def _entries(
    archive: zipfile.ZipFile, path: Path, part: Part
) -> dict[tuple[str, int], zipfile.ZipInfo]:
    """Map (character, drawer) to its entry, having checked that they are all and only those."""
    entries: dict[tuple[str, int], zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        if entry.is_dir() or _is_litter(entry.filename):
            continue
        match = DRAWING.fullmatch(entry.filename)
        if match is None or match["folder"] != part.folder or entry.file_size > LARGEST:
            raise _wrong(path, part, f"it holds `{entry.filename[:80]}`")
        entries[match["name"], int(match["drawer"])] = entry
    _check_complete(entries.keys(), path, part)
    return entries


def _is_litter(name: str) -> bool:
    """Whether an entry is what macOS adds to the archives that it makes."""
    return name.startswith("__MACOSX/") or name.endswith("/.DS_Store")


def _check_complete(keys: Set[tuple[str, int]], path: Path, part: Part) -> None:
    characters = {name for name, _ in keys}
    if len(characters) != len(part.classes):
        raise _wrong(path, part, f"it has {len(characters)} characters")
    wanted = {(n, d) for n in part.classes for d in range(1, part.drawings + 1)}
    if keys != wanted:
        name, drawer = min(keys ^ wanted)
        state = "lacks" if (name, drawer) in wanted else "has an unknown"
        raise _wrong(path, part, f"it {state} drawing {drawer} of `{name}`")


def _wrong(path: Path, part: Part, finding: str) -> UserError:
    return UserError(
        f"`{path}` is not Omniglot's {part.archive} with {len(part.classes)} characters, each "
        f"drawn {part.drawings} times: {finding}; download it again"
    )


def _checked(png: bytes) -> bytes:
    """Return `png` if it decodes to a drawing of the right size; else `_opened` reports it."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        image.load()
        if image.size != (SIDE, SIDE):
            raise ValueError(f"a drawing is {image.width}x{image.height} pixels")
    return png
