"""The files of a prepared dataset: two arrays and a page about them.

`images.npy` is uint8 [images, height, width, channels], `labels.npy` is int32
[images] and ascending, `meta.json` has the class names, the digest and the source.
What a dataset is, and where its folder lies, is for `metabench.data` to know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metabench.progress import Advance
from metabench.types import ImageShape

FORMAT = 1  # of these files; part of `meta.json`
CHUNK = 4096  # images that are hashed at a time


def write(
    folder: Path,
    stream: Iterable[tuple[str, np.ndarray]],
    count: int,
    image: ImageShape,
    advance: Advance,
) -> dict[str, Any]:
    """Write both arrays and return what `meta.json` must say of them.

    Args:
        folder: an empty folder.
        stream: class names and uint8 images, the examples of each class together.
        count: how many there are.
        image: the shape of each.
        advance: called with the number of images done since the last call.

    Raises:
        ValueError: the stream is not as described here.
    """
    shape = (count, *image)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, shape)
    labels = np.empty(count, np.int32)
    class_names = _fill(images, labels, stream, advance)
    images.flush()
    np.save(folder / "labels.npy", labels)
    return {
        "format": FORMAT,
        "shape": list(shape),
        "digest": digest(images, labels, class_names),
        "class_names": class_names,
    }


def write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    """Write `meta.json`."""
    text = json.dumps(meta, indent=1, ensure_ascii=False) + "\n"
    (folder / "meta.json").write_text(text, encoding="utf-8")


def read_meta(folder: Path) -> dict[str, Any] | None:
    """Return what `meta.json` says, or None where the files are absent, cut short or older."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        shapes = [list(mapped(folder, name).shape) for name in ("images", "labels")]
    except (OSError, ValueError, EOFError):
        return None
    whole = shapes == [meta["shape"], meta["shape"][:1]]
    return meta if whole and meta["format"] == FORMAT else None


def mapped(folder: Path, name: str) -> np.ndarray:
    """Map `images` or `labels` into memory, read-only."""
    return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)


def digest(images: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> str:
    """Return the sha256 over pixels, labels and class names, the same on every machine."""
    head = {"images": list(images.shape), "class_names": list(class_names)}
    hashed = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    hashed.update(np.asarray(labels, "<i4").tobytes())
    for start in range(0, len(images), CHUNK):
        hashed.update(np.asarray(images[start : start + CHUNK], np.uint8).tobytes())
    return hashed.hexdigest()


def _fill(
    images: np.ndarray,
    labels: np.ndarray,
    stream: Iterable[tuple[str, np.ndarray]],
    advance: Advance,
) -> list[str]:
    """Write the stream into the arrays; return the class names in the order they came."""
    numbers: dict[str, int] = {}
    done = 0
    for name, image in stream:
        label = numbers.setdefault(name, len(numbers))
        if label != len(numbers) - 1:
            raise ValueError(f"`stream` returns to class {name}; its examples must be contiguous")
        if image.shape != images.shape[1:] or image.dtype != np.uint8:
            got, wanted = f"{image.dtype} {image.shape}", f"uint8 {images.shape[1:]}"
            raise ValueError(f"`stream` has an image of {name} that is {got}; it must be {wanted}")
        if done == len(images):
            raise ValueError(f"`count` is {done}, but `stream` has more examples")
        images[done], labels[done] = image, label
        done += 1
        advance(1)
    if done != len(images):
        raise ValueError(f"`count` is {len(images)}, but `stream` has {done} examples")
    return list(numbers)
