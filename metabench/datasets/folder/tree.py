"""Which images of which classes a folder holds, from names alone. Opens no image."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from metabench.errors import UserError
from metabench.files.litter import is_litter

PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
NEEDED = ("train", "val", "test")
IMAGES = (".png", ".jpg", ".jpeg", ".jfif", ".gif", ".bmp", ".tif", ".tiff", ".webp")
FEWEST = 3  # classes: one for each part
FEWEST_TESTED = 2  # classes of a folder that is only tested on
EACH = "to train, validate and test on"
LAYOUTS = "`split/class/image` (train, val, test) or `class/image`"
ALL = "or give it as `test-dataset` to test on all its classes"


@dataclass(frozen=True)
class Tree:
    """The images of a folder, class by class, both sorted by name."""

    images: tuple[tuple[str, Path], ...]  # class name, file
    classes: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]  # empty: the folder is not divided into parts
    fingerprint: str  # sha256 over names, lengths and modification times


def read_tree(root: Path, tested: bool = False) -> Tree:
    """List a folder.

    Args:
        root: the folder.
        tested: whether it is only tested on: parts may be missing, and two classes are enough.

    Raises:
        UserError: it has another layout than expected, or cannot be read.
    """
    top = _folders(root)
    named = [entry.name in PARTS and bool(_folders(Path(entry.path))) for entry in top]
    if any(named) and not all(named):
        odd = next(entry.name for entry, is_part in zip(top, named, strict=True) if not is_part)
        part = next(entry.name for entry, is_part in zip(top, named, strict=True) if is_part)
        raise UserError(
            f"folder {root} is mixed: {part} holds classes, and {odd} beside it is no such part; "
            f"lay it out as {LAYOUTS}"
        )
    if not any(named):
        return _tree(root, _classes(root, top), {}, tested)
    parts: dict[str, tuple[str, ...]] = {}
    found: dict[str, list[Path]] = {}
    for entry in top:
        part = PARTS[entry.name]
        if part in parts:
            raise UserError(f"folder {root} has two parts `{part}`, one is {entry.name}; join them")
        classes = _classes(root, _folders(Path(entry.path)))
        for name in sorted(classes.keys() & found.keys()):
            both = f"{found[name][0].parent.parent.name} and {entry.name}"
            raise UserError(
                f"class `{name}` of folder {root} is in both {both}; a class may be in one "
                "part only, so rename or remove one of the two"
            )
        parts[part] = tuple(classes)
        found |= classes
    if set(parts) != set(NEEDED) and not tested:
        missing = " and ".join(part for part in NEEDED if part not in parts)
        raise UserError(f"folder {root} has no part {missing}; lay it out as {LAYOUTS}, {ALL}")
    return _tree(root, found, {part: parts[part] for part in NEEDED if part in parts}, tested)


def _tree(
    root: Path, found: dict[str, list[Path]], parts: Mapping[str, tuple[str, ...]], tested: bool
) -> Tree:
    names = sorted(found)
    if len(names) < (FEWEST_TESTED if tested else FEWEST):
        counted = f"{len(names)} {'class' if len(names) == 1 else 'classes'}"
        needs = f"{FEWEST_TESTED} or more to test on" if tested else f"{FEWEST} or more {EACH}"
        remedy = "" if tested or len(names) < FEWEST_TESTED else f", {ALL}"
        raise UserError(
            f"folder {root} has {counted}; it needs {needs}, laid out as {LAYOUTS}{remedy}"
        )
    images = tuple((name, path) for name in names for path in found[name])
    return Tree(images, tuple(names), parts, _fingerprint(root, images))


def _classes(root: Path, folders: Iterable[os.DirEntry[str]]) -> dict[str, list[Path]]:
    """The images of some class folders; names that differ in Unicode form alone are refused."""
    found: dict[str, list[Path]] = {}
    for one in folders:
        name = _name(one)
        if name in found:
            other = found[name][0].parent.name
            raise UserError(
                f"two class folders of {root} are both `{name}`, written {other!a} and "
                f"{one.name!a} in Unicode; join them or rename one"
            )
        found[name] = _images(Path(one.path))
    return found


def _folders(path: Path) -> list[os.DirEntry[str]]:
    """The folders in a folder of folders, by name; images beside them are refused."""
    entries = visible(path)
    for entry in entries:
        if entry.is_file() and entry.name.lower().endswith(IMAGES):
            if any(other.is_dir() for other in entries):
                raise UserError(
                    f"image {entry.path} lies beside folders; lay images out as {LAYOUTS}"
                )
            return []
    return [entry for entry in entries if entry.is_dir()]


def _images(path: Path) -> list[Path]:
    """The images of a class, by name."""
    found = visible(path)
    for entry in found:
        if not (entry.is_file() and entry.name.lower().endswith(IMAGES)):
            what = (
                "a folder in a class" if entry.is_dir() else f"no image file ({', '.join(IMAGES)})"
            )
            raise UserError(
                f"{entry.path} is {what}; move it away, and lay images out as {LAYOUTS}"
            )
    if not found:
        raise UserError(f"class folder {path} has no images; put some there or remove it")
    return [Path(entry.path) for entry in found]


def visible(path: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, by name, without what systems leave."""
    try:
        with os.scandir(path) as entries:
            kept = [entry for entry in entries if not is_litter(entry.name)]
    except OSError as error:
        raise UserError(
            f"folder {path} cannot be read ({error.strerror}); change its permissions or name "
            "another"
        ) from error
    for entry in kept:
        if "\n" in entry.name or not _is_text(entry.name):
            raise UserError(f"{entry.path!a} has a name that is not one line of text; rename it")
    return sorted(kept, key=lambda entry: (_name(entry), entry.name))


def _is_text(name: str) -> bool:
    """Whether a name can be encoded in UTF-8; some file systems have names that cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(entry: os.DirEntry[str]) -> str:
    """A name that is the same on every system: macOS separates letters from accents."""
    return unicodedata.normalize("NFC", entry.name)


def _fingerprint(root: Path, images: Iterable[tuple[str, Path]]) -> str:
    hashed = hashlib.sha256()
    for _, path in images:
        try:
            facts = path.stat()
        except OSError as error:
            raise UserError(f"image {path} cannot be read ({error.strerror})") from error
        line = f"{path.relative_to(root).as_posix()}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
        hashed.update(line.encode("utf-8", "surrogateescape"))
    return hashed.hexdigest()
