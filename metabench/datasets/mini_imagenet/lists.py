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
NUMBERS = frozenset({"", "index", "id", "unnamed: 0"})  # names of a column that only counts


class Layout(NamedTuple):
    """The classes of each part, and how many images each class has."""

    parts: Mapping[str, Sequence[str]]  # "train", "val", "test" -> classes in the table's order
    images: int


def pickle_name(part: str) -> str:
    """The name that the pickle of a part usually has."""
    return f"mini-imagenet-cache-{part}.pkl"


def category_name(part: str) -> str:
    """The name that the pickle of a part has in codes with `data`, `labels`, `catname2label`."""
    phase = "train_phase_train" if part == "train" else part
    return f"miniImageNet_category_split_{phase}.pickle"


def listed(text: bytes, where: str, classes: Sequence[str], images: int) -> dict[str, list[str]]:
    """Read a list with the columns `filename,label`: class -> file names in the list's order.

    The columns may be in the other order, with a column of numbers beside them, and the file names
    may begin with `images/`.

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
    file, label = _columns(rows[0] if rows else [], where)
    found: dict[str, list[str]] = {name: [] for name in classes}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        name = row[file].removeprefix("images/") if len(row) == len(rows[0]) else ""
        if not FILE.fullmatch(name):
            raise UserError(f"{where} has no file name and label in line {number}; {WHOLE}")
        if row[label] not in found:
            raise UserError(
                f"{where} has the class `{row[label][:80]}`, which is not in that part of Ravi and "
                f"Larochelle's split; {WHOLE}"
            )
        found[row[label]].append(name)
    check_counts({name: len(files) for name, files in found.items()}, where, images)
    check_distinct((file for files in found.values() for file in files), where)
    return found


def _columns(head: Sequence[str], where: str) -> tuple[int, int]:
    """The places of file names and of labels in the rows of a list, from its first line."""
    names = [name.strip().lower() for name in head]
    others = sorted(set(names) - {"filename", "label"})
    whole = len(names) == len(set(names)) and {"filename", "label"} <= set(names)
    if not whole or len(others) > 1 or not set(others) <= NUMBERS:
        raise UserError(
            f"{where} does not begin with the line `filename,label`, but with "
            f"`{','.join(head)[:80]}`; give it the columns `filename` and `label`, in any order, "
            "and at most a column of numbers beside them"
        )
    return names.index("filename"), names.index("label")


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
