"""Reads mini-ImageNet if its images are files: in a tar archive or in folders.

Nothing in them is trusted: every image that the lists name must exist and must decode
before anything is built from it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from metabench.data.readers import tar_stream
from metabench.data.readers.damage import DAMAGE, reason
from metabench.data.readers.lookahead import in_order
from metabench.data.readers.pictures import FORMATS
from metabench.datasets.mini_imagenet.lists import (
    FILE,
    WHOLE,
    Layout,
    check_classes,
    check_counts,
    listed,
)
from metabench.errors import UserError
from metabench.files.litter import is_litter
from metabench.files.progress import Advance

LARGEST = 1 << 22  # bytes of an image or a list
TOTAL = 1 << 30  # bytes of an archive, unpacked; all of them are in memory at once
WIDEST = 4096  # pixels
MODES = ("RGB", "L")  # grey photographs become RGB


class Picture(NamedTuple):
    """An image file."""

    name: str  # of its class, or of the file if the class is not known yet
    where: str  # what errors call it
    encoded: bytes


def from_tar(path: Path, layout: Layout, advance: Advance) -> Iterator[tuple[str, bytes]]:
    """Read `images/<file>` and `train.csv`, `val.csv`, `test.csv`, in any folder."""
    lists: dict[str, bytes] = {}
    images: dict[str, bytes] = {}
    # In the archive's order, which may be any; the lists may come last.
    for picture in in_order(checked, _pictures(path, lists)):
        if picture.name in images:
            raise UserError(f"{picture.where} occurs twice; {WHOLE}")
        images[picture.name] = picture.encoded
        advance(1)
    for part, classes in layout.parts.items():
        name = f"{part}.csv"
        if name not in lists:
            raise UserError(f"`{path}` lacks the list `{name}`; {WHOLE}")
        where = f"`{name}` in `{path}`"
        for label, files in listed(lists[name], where, classes, layout.images).items():
            for file in files:
                if file not in images:
                    raise UserError(f"`{path}` lacks `images/{file}`, or lists it twice; {WHOLE}")
                yield label, images.pop(file)


def from_lists(
    paths: Mapping[str, Path], layout: Layout, advance: Advance
) -> Iterator[tuple[str, bytes]]:
    """Read the folder `images` by the lists beside it."""

    def pictures() -> Iterator[Picture]:
        for part, classes in layout.parts.items():
            path = paths[f"{part}.csv"]
            found = listed(_content(path), f"`{path}`", classes, layout.images)
            for label, files in found.items():
                for file in files:
                    yield _picture(label, paths["images"] / file)

    return _told(in_order(checked, pictures()), advance)


def from_folders(
    paths: Mapping[str, Path], layout: Layout, advance: Advance
) -> Iterator[tuple[str, bytes]]:
    """Read `<part>/<class>/<file>`, the files of a class in the order of their names."""

    def pictures() -> Iterator[Picture]:
        for part, classes in layout.parts.items():
            check_classes(_inside(paths[part]), f"`{paths[part]}`", classes)
            for label in classes:
                folder = paths[part] / label
                files = _inside(folder)
                check_counts({label: len(files)}, f"`{folder}`", layout.images)
                for file in files:
                    yield _picture(label, folder / file)

    return _told(in_order(checked, pictures()), advance)


def _pictures(path: Path, lists: dict[str, bytes]) -> Iterator[Picture]:
    """Yield the images of a tar archive and put its lists into `lists`."""
    for member, content in tar_stream.members(path, LARGEST, TOTAL):
        name = PurePosixPath(member)
        if is_litter(name):
            continue
        if name.suffix == ".csv":
            if name.name in lists:
                raise UserError(f"`{path}` has the list `{name.name}` twice; {WHOLE}")
            lists[name.name] = content
        elif name.parent.name == "images" and FILE.fullmatch(name.name):
            yield Picture(name.name, f"`{member}` in `{path}`", content)


def _inside(folder: Path) -> list[str]:
    """Sorted names of the entries of a folder, but for litter."""
    try:
        return sorted(one.name for one in folder.iterdir() if not is_litter(one.name))
    except OSError as error:
        finding = f"is not a readable folder ({error.strerror})"
        raise UserError(f"`{folder}` {finding}; {WHOLE}") from error


def _picture(label: str, path: Path) -> Picture:
    return Picture(label, f"`{path}`", _content(path))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UserError(f"`{path}` cannot be read ({error.strerror}); {WHOLE}") from error
    if len(content) > LARGEST:
        raise UserError(f"`{path}` has more than {LARGEST:,} bytes; {WHOLE}")
    return content


def checked(picture: Picture) -> Picture:
    """Return a picture that decodes; called on several threads.

    Raises:
        UserError: it does not.
    """
    try:
        with Image.open(io.BytesIO(picture.encoded), formats=FORMATS) as image:
            if image.mode not in MODES:
                raise ValueError(f"its mode is {image.mode}, not {' or '.join(MODES)}")
            if max(image.size) > WIDEST:
                raise ValueError(f"it is {image.width}x{image.height} pixels")
            image.load()
    except DAMAGE as error:
        unknown = isinstance(error, UnidentifiedImageError)  # it would print the buffer's address
        finding = "not a JPEG or PNG file" if unknown else reason(error)
        raise UserError(f"{picture.where} is not a readable image ({finding}); {WHOLE}") from error
    return picture


def _told(pictures: Iterable[Picture], advance: Advance) -> Iterator[tuple[str, bytes]]:
    for picture in pictures:
        yield picture.name, picture.encoded
        advance(1)
