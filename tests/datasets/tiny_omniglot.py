"""A miniature of Omniglot for the tests: 3 + 2 characters, each drawn twice."""

from __future__ import annotations

import io
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from metabench.contracts.dataset import Archive, DatasetSpec, Records
from metabench.data.archives import sha256
from metabench.datasets.omniglot import dataset as omniglot
from metabench.datasets.omniglot.archive import Part
from metabench.types import Split

BACKGROUND = ("Greek/character01", "Greek/character02", "Latin_(Old)/character01")
EVALUATION = ("Angelic/character01", "ULOG/character01")
LAYOUT = (
    Part("images_background.zip", "images_background", BACKGROUND, 2),
    Part("images_evaluation.zip", "images_evaluation", EVALUATION, 2),
)


def png(number: int, side: int = 105, mode: str = "1") -> bytes:
    """A drawing with 1 bit a pixel: paper, with a square of ink that tells `number`."""
    pixels = np.ones((side, side), bool)
    pixels[5 : 40 + number, 10:50] = False
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, "PNG")
    return out.getvalue()


def entries(part: Part) -> dict[str, bytes]:
    """The files of one archive."""
    return {
        f"{part.folder}/{name}/{index + 1:04d}_{drawer:02d}.png": png(2 * index + drawer)
        for index, name in enumerate(part.classes)
        for drawer in range(1, part.drawings + 1)
    }


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Zip `files` in reverse, for no order in an archive may be relied upon."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in reversed(files):
            archive.writestr(name, files[name])
    return path


def write(folder: Path) -> Path:
    """Write both archives."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in LAYOUT:
        write_zip(folder / part.archive, entries(part))
    return folder


def spec(folder: Path | None = None) -> DatasetSpec:
    """The miniature's specification; with the checksums in `folder` as published ones."""
    archives = tuple(
        Archive(
            part.archive,
            f"http://127.0.0.1:9/{part.archive}",  # nobody listens there
            sha256(folder / part.archive) if folder else "0" * 64,
            1,
        )
        for part in LAYOUT
    )
    return omniglot.DATASET._replace(
        name="tiny",
        archives=archives,
        records=Records(partial(omniglot.read, layout=LAYOUT), 10, omniglot.ink),
        splits={"only": lambda: Split("only", {"train": BACKGROUND, "test": EVALUATION}, 1, "d")},
        default_split="only",
    )
