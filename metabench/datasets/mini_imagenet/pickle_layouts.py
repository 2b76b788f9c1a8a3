"""From the layouts of mini-ImageNet's pickles to one: images, and the rows of each class.

Public codes pass around `image_data` with `class_dict`, a dict of rows by class, and `data` with
`labels` and `catname2label`, a dict of labels by class. The images are pixels, in several forms, or
JPEG files. Only what has one meaning is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from metabench.errors import UserError

SIDE = 84  # pixels
ROUNDED = 1e-3  # how far from a whole number a brightness may be
FORMS = (
    "`image_data` with `class_dict`, or `data` with `labels` and `catname2label`, and the images "
    f"as uint8 [images, {SIDE}, {SIDE}, 3] or JPEG or PNG files"
)

Images: TypeAlias = np.ndarray | list[bytes]  # uint8 [images, 84, 84, 3], or files
Rows: TypeAlias = dict[str, Sequence[int]]


def images_and_rows(content: Any, where: str) -> tuple[Images, Rows]:
    """The images of a part, and the rows of each class in them.

    Args:
        content: of the pickle.
        where: what errors call the pickle.

    Raises:
        UserError: it has another layout; the error says what was found and what is read.
    """
    keys = set(content) if isinstance(content, dict) else set()
    if {"image_data", "class_dict"} <= keys:
        return _images(content["image_data"], "image_data", where), _rows(content, where)
    if {"data", "labels", "catname2label"} <= keys:
        return _images(content["data"], "data", where), _rows_of_labels(content, where)
    held = f"a dict of {sorted(map(str, keys))}" if keys else f"a {type(content).__name__}"
    raise wrong(where, f"has no `image_data` and `class_dict`, but is {held[:120]}")


def wrong(where: str, finding: str) -> UserError:
    """The error about another layout than those that are read."""
    return UserError(f"{where} {finding}; give {FORMS}")


def _images(found: Any, name: str, where: str) -> Images:
    if isinstance(found, list | tuple) and found and all(isinstance(one, str) for one in found):
        return [one.encode("latin-1") for one in found]  # bytes, which the unpickler made text
    if not isinstance(found, np.ndarray):
        raise wrong(where, f"has `{name}` of no array, but a {type(found).__name__}")
    images = found
    if images.ndim == 5:  # [classes, images, height, width, channels]
        images = images.reshape(-1, *images.shape[2:])
    if images.ndim == 4 and images.shape[1:] == (3, SIDE, SIDE):
        images = np.moveaxis(images, 1, -1)
    if images.shape[1:] != (SIDE, SIDE, 3):
        raise wrong(
            where, f"has `{name}` of {found.dtype} {found.shape}, not uint8 (…, {SIDE}, {SIDE}, 3)"
        )
    return images if images.dtype == np.uint8 else _whole(images, name, where)


def _whole(images: np.ndarray, name: str, where: str) -> np.ndarray:
    """Brightness as uint8, from whole numbers to 255 or from fractions to 1, one by one."""
    largest = images.max(initial=0)
    scale = 255 if images.dtype.kind == "f" and largest <= 1 else 1
    result = np.empty(images.shape, np.uint8)
    for row, image in enumerate(images):
        values = image.astype(np.float64) * scale
        nearest = np.rint(values)
        fits = (nearest >= 0) & (nearest <= 255) & (np.abs(values - nearest) < ROUNDED)
        if not fits.all():
            raise wrong(
                where,
                f"has `{name}` of {images.dtype} from {images.min():.4g} to {largest:.4g}, which "
                "are not whole numbers from 0 to 255, nor such numbers divided by 255",
            )
        result[row] = nearest
    return result


def _rows(content: dict[str, Any], where: str) -> Rows:
    found = content["class_dict"]
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise wrong(where, "has a `class_dict` that is not a dict of classes")
    return {name: _integers(one, "class_dict", where) for name, one in found.items()}


def _rows_of_labels(content: dict[str, Any], where: str) -> Rows:
    labels = _integers(content["labels"], "labels", where)
    names = content["catname2label"]
    if (
        not isinstance(names, dict)
        or not all(isinstance(name, str) and type(one) is int for name, one in names.items())
        or len(set(names.values())) < len(names)
    ):
        raise wrong(where, "has a `catname2label` that is not a dict from classes to labels")
    rows: dict[int, list[int]] = {label: [] for label in names.values()}
    for row, label in enumerate(labels):
        if label not in rows:
            raise wrong(where, f"has the label {label}, which `catname2label` does not have")
        rows[label].append(row)
    return {name: rows[label] for name, label in names.items() if rows[label]}


def _integers(found: Any, name: str, where: str) -> Sequence[int]:
    if isinstance(found, range):
        return found
    values = found.tolist() if isinstance(found, np.ndarray) else found
    if not isinstance(values, list | tuple) or not all(type(one) is int for one in values):
        raise wrong(where, f"has a `{name}` whose entries are not lists of indices")
    return values
