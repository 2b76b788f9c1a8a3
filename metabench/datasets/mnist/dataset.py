"""MNIST: 70,000 handwritten digits, in few-shot learning for the test after Omniglot.

LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86 (1998). Ink is 255, as published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from metabench.contracts.dataset import Archive, DatasetSpec, Records
from metabench.data.splits import digest_of
from metabench.errors import UserError
from metabench.files.progress import Advance
from metabench.types import Split

SIDE = 28  # pixels
DIGITS = tuple(map(str, range(10)))
_SERVER = "https://ossci-datasets.s3.amazonaws.com/mnist/"


class Part(NamedTuple):
    """A file of images and the file of their labels."""

    images: str
    labels: str
    total: int


PARTS = (
    Part("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 60_000),
    Part("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 10_000),
)
PUBLISHED = (
    Archive(
        "train-images-idx3-ubyte.gz",
        _SERVER + "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        9912422,
    ),
    Archive(
        "train-labels-idx1-ubyte.gz",
        _SERVER + "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        28881,
    ),
    Archive(
        "t10k-images-idx3-ubyte.gz",
        _SERVER + "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        1648877,
    ),
    Archive(
        "t10k-labels-idx1-ubyte.gz",
        _SERVER + "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        4542,
    ),
)


def read(
    archives: Mapping[str, Path], advance: Advance, layout: tuple[Part, ...] = PARTS
) -> Iterator[tuple[str, bytes]]:
    """All digits as PNG, class by class, each in the order of the files; `layout` is for tests.

    Raises:
        UserError: a file is wrong or damaged.
    """
    from metabench.data.readers import idx, pictures

    found, classes = [], []
    for part in layout:
        found.append(idx.read(_of(archives, part.images), (part.total, SIDE, SIDE)))
        path = _of(archives, part.labels)
        classes.append(_checked(idx.read(path, (part.total,)), path))
    images, labels = np.concatenate(found), np.concatenate(classes)
    for index in np.argsort(labels, kind="stable"):
        yield DIGITS[labels[index]], pictures.png(images[index])
        advance(1)


def decode(png: bytes, size: int) -> np.ndarray:
    """Decode a digit: uint8 [size, size, 1], resized by Lanczos' filter if necessary."""
    from metabench.data.readers import pictures

    return pictures.pixels(png, size, "L")


def digits() -> Split:
    """All ten classes are for the test."""
    parts = {"train": (), "val": (), "test": DIGITS}
    return Split("digits", parts, 1, digest_of("digits", 1, parts))


def _of(archives: Mapping[str, Path], name: str) -> Path:
    return archives[f"{name}.gz"] if f"{name}.gz" in archives else archives[name]


def _checked(labels: np.ndarray, path: Path) -> np.ndarray:
    """Return `labels` if they are digits and every digit occurs."""
    present = np.unique(labels)
    if present.max() > 9:
        raise UserError(
            f"`{path}` has a label {present.max()}, but labels are from 0 to 9; "
            "remove it and download it again"
        )
    if len(present) < 10:
        missing = min(set(range(10)) - set(present.tolist()))
        raise UserError(
            f"`{path}` has no label {missing}, but all of 0 to 9 must be there; "
            "remove it and download it again"
        )
    return labels


DATASET = DatasetSpec(
    name="mnist",
    version="1.0.0",
    description="70,000 handwritten digits, to be tested on after training on something else.",
    licence="CC BY-SA 3.0",
    citation=(
        "LeCun, Y., Bottou, L., Bengio, Y., & Haffner, P. (1998). Gradient-based learning applied "
        "to document recognition. Proceedings of the IEEE, 86(11), 2278-2324."
    ),
    image=(SIDE, SIDE, 1),
    archives=PUBLISHED,
    alternatives=(tuple(Archive(one.name.removesuffix(".gz")) for one in PUBLISHED),),
    splits={"digits": digits},
    default_split="digits",
    records=Records(read, 70_000, decode, builder="mnist_metabench"),
    digests={28: "41763ae53088b2f40f58ba324ce4c0e42dd484e8981b7955045d0248f6f988a1"},
    homepage="http://yann.lecun.com/exdb/mnist/",
)
