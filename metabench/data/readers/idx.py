"""Reads MNIST's IDX files, gzipped or not, trusting nothing in them.

An IDX file is the magic number 0x000008DD (unsigned bytes in DD dimensions), the
sizes of the dimensions as four bytes each, most significant first, and the values.
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from metabench.data.readers.damage import AGAIN, reported
from metabench.errors import UserError

GZIP = b"\x1f\x8b"
UNSIGNED_BYTES = 0x0800


def read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return the values of the file: uint8 of `shape`. Never unpacks more than that.

    Raises:
        UserError: the file is damaged, or holds an array of another shape.
    """
    with reported(path, "an IDX file"), path.open("rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        if not packed:
            return _values(file, path, shape)
        with gzip.GzipFile(fileobj=file) as unpacked:
            return _values(cast(BinaryIO, unpacked), path, shape)


def _values(file: BinaryIO, path: Path, shape: tuple[int, ...]) -> np.ndarray:
    header = file.read(4 + 4 * len(shape))
    if len(header) < 4 + 4 * len(shape):
        raise EOFError(f"it ends after {len(header)} bytes")
    magic, *sizes = struct.unpack(f">{1 + len(shape)}L", header)
    if magic != UNSIGNED_BYTES + len(shape):
        wanted = UNSIGNED_BYTES + len(shape)
        raise _wrong(path, f"its magic number is 0x{magic:08x} and should be 0x{wanted:08x}")
    if tuple(sizes) != shape:
        found, wanted_sizes = ("×".join(map(str, one)) for one in (sizes, shape))
        raise _wrong(path, f"it declares {found} values and should have {wanted_sizes}")
    count = math.prod(shape)
    values = file.read(count + 1)  # one more, to reach the end of a gzip file and its checksum
    if len(values) != count:
        more = "more" if len(values) > count else "fewer"
        raise _wrong(path, f"it holds {more} than the {count:,} values that it declares")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _wrong(path: Path, finding: str) -> UserError:
    return UserError(f"`{path}` is not the expected IDX file: {finding}; {AGAIN}")
