"""Omniglot: 1,623 handwritten characters in 50 alphabets, each drawn once by 20 people.

Lake, Salakhutdinov & Tenenbaum, "Human-level concept learning through
probabilistic program induction", Science 350 (2015).

It is cheap to import: code that decodes images or builds records is imported when needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metabench.contracts.dataset import Archive, DatasetSpec, Records
from metabench.data import splits
from metabench.files.progress import Advance

if TYPE_CHECKING:
    from metabench.datasets.omniglot.archive import Part

HERE = Path(__file__).parent  # and the class lists
LANCZOS = 1  # PIL.Image.Resampling.LANCZOS
_SOURCE = "https://github.com/brendenlake/omniglot/raw/master/python/"


def parts() -> tuple[Part, ...]:
    """The two archives with the characters in each, in the order of the class table."""
    from metabench.datasets.omniglot.archive import Part

    return tuple(
        Part(f"images_{split}.zip", f"images_{split}", classes)
        for split, classes in splits.classes(HERE).items()
    )


def read(
    archives: Mapping[str, Path], advance: Advance, layout: tuple[Part, ...] | None = None
) -> Iterator[tuple[str, bytes]]:
    """All drawings, the background set first; tests use another `layout` than Omniglot's."""
    from metabench.datasets.omniglot.archive import drawings

    for part in layout or parts():
        for drawing in drawings(archives[part.archive], part):
            yield drawing.name, drawing.png
            advance(1)


def ink(png: bytes, size: int, resample: int = LANCZOS) -> np.ndarray:
    """Decode a drawing: uint8 [size, size, 1], ink 255 and paper 0.

    In the archive, ink is 0. Images are reduced in grey, and the result stays grey.

    Args:
        png: an encoded image with 1 bit per pixel.
        size: height and width of the result.
        resample: a value of `PIL.Image.Resampling`.
    """
    from metabench.data.readers import pictures

    return pictures.pixels(png, size, "L", resample, invert=True)


DATASET = DatasetSpec(
    name="omniglot",
    version="1.0.0",
    description="1,623 handwritten characters in 50 alphabets, each drawn by 20 people.",
    licence="MIT",
    citation=(
        "Lake, B. M., Salakhutdinov, R., & Tenenbaum, J. B. (2015). Human-level concept "
        "learning through probabilistic program induction. Science, 350(6266), 1332-1338."
    ),
    image=(28, 28, 1),
    archives=(
        Archive(
            "images_background.zip",
            _SOURCE + "images_background.zip",
            "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
            9464212,
        ),
        Archive(
            "images_evaluation.zip",
            _SOURCE + "images_evaluation.zip",
            "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
            6462886,
        ),
    ),
    splits={name: partial(splits.load, HERE, name) for name in ("vinyals", "lake", "random")},
    default_split="vinyals",
    # One thread: drawings are so small that a second one would only wait for the interpreter.
    records=Records(read, 1623 * 20, ink, builder="omniglot_metabench"),
    homepage="https://github.com/brendenlake/omniglot",
    digests={28: "b6598833977d38e246b68ae2c2fcf6ccac0c8784619994e137047a9c1bae2758"},
)
