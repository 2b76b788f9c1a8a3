"""Reads mini-ImageNet from the three pickles that several public implementations use.

What is in them is checked here; `pickle_layouts.py` knows how it may be laid out. The images of a
class keep the order of the rows that the pickle gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from metabench.data.readers import pictures, safe_pickle
from metabench.data.readers.lookahead import in_order
from metabench.datasets.mini_imagenet.files import Picture, checked
from metabench.datasets.mini_imagenet.lists import WHOLE, Layout, check_classes, check_counts
from metabench.datasets.mini_imagenet.pickle_layouts import Images, Rows, images_and_rows
from metabench.errors import UserError
from metabench.files.progress import Advance


def from_pickles(
    paths: Mapping[str, Path], layout: Layout, advance: Advance
) -> Iterator[tuple[str, bytes]]:
    """Yield class names and images as PNG, or as found; one pickle is in memory at a time.

    Args:
        paths: of the pickles, by part.
        layout: what they must hold.
        advance: told of each image.

    Raises:
        UserError: a pickle is damaged, has a layout that is not read, or is not complete.
    """
    for part, classes in layout.parts.items():
        images, rows = _read(paths[part], classes, layout.images)
        names = (name for name in classes for _ in rows[name])
        for name, encoded in zip(names, _encoded(images, rows, classes, paths[part]), strict=True):
            yield name, encoded
            advance(1)
        del images, rows


def _encoded(images: Images, rows: Rows, classes: Sequence[str], path: Path) -> Iterator[bytes]:
    """The images of each class as files, in the order of its rows."""
    order = (row for name in classes for row in rows[name])
    if not isinstance(images, list):
        return in_order(pictures.png, (images[row] for row in order))
    found = (Picture("", f"image {row} of `{path}`", images[row]) for row in order)
    return (picture.encoded for picture in in_order(checked, found))


def _read(path: Path, classes: Sequence[str], count: int) -> tuple[Images, Rows]:
    """Return the images, and the rows of each class."""
    where = f"`{path}`"
    images, rows = images_and_rows(safe_pickle.load(path), where)
    check_classes(rows, where, classes)
    check_counts({name: len(rows[name]) for name in classes}, where, count)
    if len(images) != count * len(classes):
        raise UserError(f"{where} has {len(images)} images, not {count * len(classes)}; {WHOLE}")
    if sorted(row for one in rows.values() for row in one) != list(range(len(images))):
        raise UserError(f"{where} has rows of classes that do not name each image once; {WHOLE}")
    return images, rows
