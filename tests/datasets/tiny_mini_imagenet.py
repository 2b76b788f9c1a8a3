"""A miniature of mini-ImageNet for the tests: 2 + 1 + 1 classes of three images, in every form."""

from __future__ import annotations

import io
import pickle
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from metabench.contracts.dataset import Archive, Records
from metabench.datasets.mini_imagenet import dataset as mini_imagenet
from metabench.datasets.mini_imagenet.lists import Layout, pickle_name

PARTS = {"train": ("n01", "n04"), "val": ("n02",), "test": ("n03",)}
IMAGES = 3
LAYOUT = Layout(PARTS, IMAGES)
ORDER = ("n01", "n04", "n02", "n03")
SPEC = mini_imagenet.DATASET._replace(
    name="tiny",
    folders=("tiny-images",),
    records=Records(
        partial(mini_imagenet.read, parts=PARTS, images=IMAGES),
        len(ORDER) * IMAGES,
        mini_imagenet.decode,
        threaded=True,
    ),
)


def jpeg(
    seed: int, size: tuple[int, int] = (84, 84), mode: str = "RGB", form: str = "JPEG"
) -> bytes:
    """An image of squares in random colours."""
    squares = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(squares).resize(size, 0).convert(mode).save(out, form)
    return out.getvalue()


def file_name(label: str, number: int) -> str:
    """Lists have them in this order, which is not that of their names."""
    return f"{label}{'cab'[number]}.jpg"


def images() -> dict[str, bytes]:
    """File name -> content, in the table's order."""
    names = [file_name(label, number) for label in ORDER for number in range(IMAGES)]
    return {name: jpeg(seed) for seed, name in enumerate(names)}


def lists() -> dict[str, bytes]:
    """The three lists; the classes in them are not in the table's order."""
    found = {}
    for part, classes in PARTS.items():
        rows = [f"{file_name(label, n)},{label}" for label in reversed(classes) for n in range(3)]
        found[f"{part}.csv"] = "\n".join(["filename,label", *rows, ""]).encode()
    return found


def files() -> dict[str, bytes]:
    """What the archive has."""
    return {f"mini/images/{name}": content for name, content in images().items()} | {
        f"mini/{name}": content for name, content in lists().items()
    }


def write_tar(path: Path, content: dict[str, bytes], **infos: dict[str, object]) -> Path:
    """Write an archive; `infos` changes what it says of a member."""
    mode = {".xz": "w:xz", ".gz": "w:gz"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in infos.get(name, {}).items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return path


def write_lists(folder: Path) -> Path:
    """`images/` and three lists."""
    (folder / "images").mkdir(parents=True)
    (folder / "images" / ".DS_Store").write_bytes(b"")
    for name, content in images().items():
        (folder / "images" / name).write_bytes(content)
    for name, content in lists().items():
        (folder / name).write_bytes(content)
    return folder


def write_folders(folder: Path) -> Path:
    """`<part>/<class>/<file>`."""
    content = images()
    for part, classes in PARTS.items():
        for label in classes:
            (folder / part / label).mkdir(parents=True)
            for number in range(IMAGES):
                name = file_name(label, number)
                (folder / part / label / name).write_bytes(content[name])
    return folder


def arrays(part: str) -> dict[str, object]:
    """What the pickle of a part has: images in another order than the classes'."""
    content = images()
    names = [file_name(label, number) for number in range(IMAGES) for label in PARTS[part]]
    pixels = np.stack([mini_imagenet.decode(content[name], 84) for name in names])
    width = len(PARTS[part])
    rows = {label: list(range(i, len(names), width)) for i, label in enumerate(PARTS[part])}
    return {"image_data": pixels, "class_dict": rows}


def write_pickles(folder: Path, protocol: int = 2) -> Path:
    """The three pickles."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        (folder / pickle_name(part)).write_bytes(pickle.dumps(arrays(part), protocol))
    return folder


def spec_of(archive: str) -> object:
    """SPEC that reads nothing but one archive."""
    return SPEC._replace(archives=(Archive(archive),), alternatives=())
