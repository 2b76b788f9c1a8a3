"""Reads Omniglot's zip archives without unpacking them to disk, trusting nothing in them.

Layout: `<folder>/<Alphabet>/characterNN/IIII_DD.png`, where DD is the drawer. The archive
must have all drawings of every character in the class list, and nothing else, so that a
wrong, cut or damaged file is noticed before anything is built from it.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Set
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from metabench.data.readers import zip_archive
from metabench.data.readers.damage import AGAIN
from metabench.errors import UserError

SIDE = 105  # pixels
LARGEST = 1 << 16  # bytes; real drawings take a few hundred
DRAWING = re.compile(
    r"(?P<folder>\w+)/(?P<name>[\w()-]+/character\d\d)/\d{4}_(?P<drawer>\d\d)\.png"
)
MODES = ("1", "L")  # one bit or one byte per pixel


class Part(NamedTuple):
    """One archive: the characters that it must hold and how often each of them is drawn."""

    archive: str
    folder: str
    classes: tuple[str, ...]  # "Alphabet/characterNN", in the table's order
    drawings: int = 20


class Drawing(NamedTuple):
    """One image of one character in the archive."""

    name: str  # "Alphabet/characterNN"
    drawer: int
    png: bytes


def drawings(path: Path, part: Part) -> Iterator[Drawing]:
    """Yield every drawing, character by character in the order of `part`, then by drawer.

    Raises:
        UserError: the file is another archive, or is damaged.
    """
    with zip_archive.opened(path) as archive:
        entries = _entries(archive, path, part)
        for name in part.classes:
            for drawer in range(1, part.drawings + 1):
                png = zip_archive.content(archive, entries[name, drawer])
                yield Drawing(name, drawer, checked(png))


def _entries(
    archive: zipfile.ZipFile, path: Path, part: Part
) -> dict[tuple[str, int], zipfile.ZipInfo]:
    """Map (character, drawer) to its entry, and check that no entry is missing or unknown."""
    entries: dict[tuple[str, int], zipfile.ZipInfo] = {}
    for entry in zip_archive.files(archive):
        match = DRAWING.fullmatch(entry.filename)
        if match is None or match["folder"] != part.folder or entry.file_size > LARGEST:
            raise _wrong(path, part, f"it holds `{entry.filename[:80]}`")
        key = match["name"], int(match["drawer"])
        if key in entries:
            raise _wrong(path, part, f"it holds drawing {key[1]} of `{key[0]}` twice")
        entries[key] = entry
    _check_complete(entries.keys(), path, part)
    return entries


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
        f"drawn {part.drawings} times: {finding}; {AGAIN}"
    )


def checked(png: bytes) -> bytes:
    """Return `png` if it is a drawing of the right size.

    Raises:
        ValueError: it is an image of another size or mode.
        OSError, SyntaxError: it does not decode.
    """
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        if image.size != (SIDE, SIDE) or image.mode not in MODES:
            raise ValueError(f"a drawing is {image.width}x{image.height} pixels of {image.mode}")
        image.load()
    return png
