"""Which images mini-ImageNet has: the lists beside the images, and whether they are complete."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from metabench.errors import UserError

FILE = re.compile(r"[\w-][\w.-]*\.(?:jpe?g|png)", re.IGNORECASE)
WHOLE = "get a whole copy of it"


class Layout(NamedTuple):
    """The classes of each part, and how many images each class has."""

    parts: Mapping[str, Sequence[str]]  # "train", "val", "test" -> classes in the table's order
    images: int


def pickle_name(part: str) -> str:
    """The name that the pickle of a part has."""
    return f"mini-imagenet-cache-{part}.pkl"


def listed(text: bytes, where: str, classes: Sequence[str], images: int) -> dict[str, list[str]]:
    """Read a list with the columns `filename,label`: class -> file names in the list's order.

    Args:
        text: the content of the CSV file.
        where: what errors call the list.
        classes: the classes that it must have; the result has their order.
        images: how many images each class must have.

    Raises:
        UserError: the list has other classes, or is not complete.
    """
    try:
        rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{where} is damaged or not a list of images ({error}); {WHOLE}") from error
    if not rows or rows[0] != ["filename", "label"]:
        raise UserError(f"{where} does not begin with the line `filename,label`; {WHOLE}")
    found: dict[str, list[str]] = {name: [] for name in classes}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != 2 or not FILE.fullmatch(row[0]):
            raise UserError(f"{where} has no file name and label in line {number}; {WHOLE}")
        if row[1] not in found:
            raise UserError(
                f"{where} has the class `{row[1][:80]}`, which is not in that part of Ravi and "
                f"Larochelle's split; {WHOLE}"
            )
        found[row[1]].append(row[0])
    check_counts({name: len(files) for name, files in found.items()}, where, images)
    check_distinct((file for files in found.values() for file in files), where)
    return found


def check_classes(found: Iterable[str], where: str, classes: Sequence[str]) -> None:
    """Raise `UserError` unless `found` are the classes, in any order."""
    names = set(found)
    if strange := sorted(names - set(classes)):
        raise UserError(
            f"{where} has the class `{strange[0][:80]}`, which is not in that part of Ravi and "
            f"Larochelle's split; {WHOLE}"
        )
    if missing := sorted(set(classes) - names):
        raise UserError(f"{where} lacks the class `{missing[0]}`; {WHOLE}")


def check_counts(counts: Mapping[str, int], where: str, images: int) -> None:
    """Raise `UserError` unless each class has `images` images."""
    for name, count in counts.items():
        if count != images:
            raise UserError(
                f"{where} has {count} images of the class `{name}`, not {images}; {WHOLE}"
            )


def check_distinct(files: Iterable[str], where: str) -> None:
    """Raise `UserError` if a file is listed twice."""
    name, count = Counter(files).most_common(1)[0]
    if count > 1:
        raise UserError(f"{where} has `{name}` {count} times; {WHOLE}")
