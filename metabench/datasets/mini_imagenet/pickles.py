"""Reads mini-ImageNet from the three pickles that several public implementations use.

Each is a dict of `image_data`, uint8 [images, 84, 84, 3], and `class_dict`, which maps
a class to the indices of its images. They keep that order here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metabench.data.readers import pictures, safe_pickle
from metabench.data.readers.lookahead import in_order
from metabench.datasets.mini_imagenet.lists import (
    WHOLE,
    Layout,
    check_classes,
    check_counts,
    pickle_name,
)
from metabench.errors import UserError
from metabench.files.progress import Advance

SIDE = 84  # pixels


def from_pickles(
    paths: Mapping[str, Path], layout: Layout, advance: Advance
) -> Iterator[tuple[str, bytes]]:
    """Yield class names and images as PNG, one pickle in memory at a time."""
    for part, classes in layout.parts.items():
        path = paths[pickle_name(part)]
        images, rows = _read(path, classes, layout.images)
        encoded = in_order(pictures.png, (images[row] for name in classes for row in rows[name]))
        names = (name for name in classes for _ in rows[name])
        for name, png in zip(names, encoded, strict=True):
            yield name, png
            advance(1)
        del images, rows


def _read(
    path: Path, classes: Sequence[str], count: int
) -> tuple[np.ndarray, dict[str, list[int]]]:
    """Return the images, and the rows of each class."""
    content = safe_pickle.load(path)
    if not isinstance(content, dict) or not {"image_data", "class_dict"} <= content.keys():
        raise _wrong(path, "has no `image_data` and `class_dict`")
    images, rows = content["image_data"], content["class_dict"]
    shape = (count * len(classes), SIDE, SIDE, 3)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape != shape:
        found = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else "no array"
        raise _wrong(path, f"has `image_data` of {found}, not uint8 {shape}")
    if not isinstance(rows, dict) or not all(isinstance(name, str) for name in rows):
        raise _wrong(path, "has a `class_dict` that is not a dict of classes")
    check_classes(rows, f"`{path}`", classes)
    found_rows = {name: _indices(rows[name], path) for name in classes}
    check_counts({name: len(one) for name, one in found_rows.items()}, f"`{path}`", count)
    if sorted(row for one in found_rows.values() for row in one) != list(range(len(images))):
        raise _wrong(path, "has a `class_dict` that does not have each image once")
    return images, found_rows


def _indices(rows: Any, path: Path) -> list[int]:
    found = rows.tolist() if isinstance(rows, np.ndarray) else rows
    if not isinstance(found, list | tuple) or not all(type(row) is int for row in found):
        raise _wrong(path, "has a `class_dict` whose entries are not lists of indices")
    return list(found)


def _wrong(path: Path, finding: str) -> UserError:
    return UserError(f"`{path}` {finding}; {WHOLE}")
