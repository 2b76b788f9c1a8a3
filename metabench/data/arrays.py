"""The files of a prepared dataset: two arrays and their description.

`images.npy` is uint8 [images, height, width, channels], `labels.npy` is int32
[images] and ascending, `meta.json` has the class names, the digest, the source, the
checksums of both arrays and one of itself.
`metabench.data.prepared` knows what a dataset is and where its folder lies.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from metabench.files.progress import Advance
from metabench.types import ImageShape

FORMAT = 2  # of these files; part of `meta.json`
CHUNK = 4096  # images that are hashed at once
ARRAYS: dict[str, np.dtype[Any]] = {"images": np.dtype(np.uint8), "labels": np.dtype("<i4")}
FIELDS = ("name", "version", "source", "shape", "digest", "class_names", "sha256")


def write(
    folder: Path,
    stream: Iterable[tuple[str, np.ndarray]],
    count: int,
    image: ImageShape,
    advance: Advance,
) -> dict[str, Any]:
    """Write both arrays and return the entries of `meta.json` about them.

    Args:
        folder: an empty folder.
        stream: class names and uint8 images, the examples of each class together.
        count: how many images there are.
        image: the shape of each.
        advance: called with the number of images done since the last call.

    Raises:
        ValueError: the stream is not as described here.
        OSError: the disk is full; raised before the first image if the system can reserve space.
    """
    shape = (count, *image)
    labels = np.empty(count, np.int32)
    head = _head("images", shape)
    with (folder / "images.npy").open("wb") as file:
        _reserve(file, len(head) + math.prod(shape))
        file.write(head)
        class_names = _fill(file, shape, labels, stream, advance)
    ascending = labels.astype(ARRAYS["labels"]).tobytes()
    (folder / "labels.npy").write_bytes(_head("labels", labels.shape) + ascending)
    return {
        "format": FORMAT,
        "shape": list(shape),
        "digest": digest(mapped(folder, "images"), labels, class_names),
        "class_names": class_names,
        "sha256": {f"{name}.npy": _checksum(folder / f"{name}.npy") for name in ARRAYS},
    }


def write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    """Write `meta.json`."""
    whole = dict(meta) | {"self": _own_checksum(meta)}
    text = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    (folder / "meta.json").write_text(text, encoding="utf-8")


def read_meta(folder: Path) -> dict[str, Any] | None:
    """Return the content of `meta.json`, or None if it or the arrays cannot be trusted.

    They cannot if a file is absent, cut or of another format, or if `meta.json` was edited.
    The pixels are not read; `damage` reads them.
    """
    meta, complaint = _meta(folder)
    if complaint or any(_misshapen(folder, name, meta) for name in ARRAYS):
        return None
    return meta


def damage(folder: Path) -> list[str]:
    """Read every byte; return a phrase for each file that is not as it was written."""
    meta, complaint = _meta(folder)
    if complaint:
        return [f"meta.json {complaint}"]
    found = []
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        complaint = _misshapen(folder, name, meta)
        if not complaint and _checksum(path) != meta["sha256"][path.name]:
            complaint = "has other bytes than were written"
        if complaint:
            found.append(f"{path.name} {complaint}")
    if found:
        return found
    names = meta["class_names"]
    whole = meta["digest"] == digest(mapped(folder, "images"), mapped(folder, "labels"), names)
    return [] if whole else ["meta.json names another digest than the arrays have"]


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


def _head(name: str, shape: Sequence[int]) -> bytes:
    """The header of an array's file."""
    out = io.BytesIO()
    described = {"descr": ARRAYS[name].str, "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(out, described)
    return out.getvalue()


def _reserve(file: BinaryIO, size: int) -> None:
    """Reserve `size` bytes on disk, if the system can, so that a full disk is noticed at once."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)


def _fill(
    images: BinaryIO,
    shape: tuple[int, ...],
    labels: np.ndarray,
    stream: Iterable[tuple[str, np.ndarray]],
    advance: Advance,
) -> list[str]:
    """Write the stream to the files; return the class names in the order in which they came.

    The pixels are written to the file and not to a memory map, as a full disk would then
    kill the process.
    """
    numbers: dict[str, int] = {}
    done = 0
    for name, image in stream:
        label = numbers.setdefault(name, len(numbers))
        if label != len(numbers) - 1:
            raise ValueError(f"`stream` returns to class {name}; its examples must be contiguous")
        if image.shape != shape[1:] or image.dtype != np.uint8:
            got, wanted = f"{image.dtype} {image.shape}", f"uint8 {shape[1:]}"
            raise ValueError(f"`stream` has an image of {name} that is {got}; it must be {wanted}")
        if done == len(labels):
            raise ValueError(f"`count` is {done}, but `stream` has more examples")
        images.write(image.tobytes())
        labels[done] = label
        done += 1
        advance(1)
    if done != len(labels):
        raise ValueError(f"`count` is {len(labels)}, but `stream` has {done} examples")
    return list(numbers)


def _meta(folder: Path) -> tuple[dict[str, Any], str]:
    """The content of `meta.json`, and a phrase on what is wrong with it (empty if nothing)."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except OSError as error:
        return {}, f"cannot be read ({error.strerror})"
    except ValueError:
        return {}, "is not JSON"
    if not isinstance(meta, dict):
        return {}, "is not what was written"
    if meta.get("format") != FORMAT:
        return {}, f"is of format {meta.get('format')}, and this metabench reads {FORMAT}"
    stated = meta.pop("self", None)
    if stated != _own_checksum(meta) or any(field not in meta for field in FIELDS):
        return {}, "was edited: it does not match its own checksum"
    return meta, ""


def _misshapen(folder: Path, name: str, meta: Mapping[str, Any]) -> str:
    """What is wrong with the kind and length of an array, without reading it."""
    shape = meta["shape"] if name == "images" else meta["shape"][:1]
    head = _head(name, shape)  # compared, not parsed: a damaged header could say anything
    wanted = len(head) + math.prod(shape) * ARRAYS[name].itemsize
    try:
        with (folder / f"{name}.npy").open("rb") as file:
            same, length = file.read(len(head)) == head, file.seek(0, os.SEEK_END)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if length != wanted:
        return f"has {length:,} bytes, not {wanted:,}"
    return "" if same else f"is not headed as {ARRAYS[name]} {list(shape)}"


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _own_checksum(meta: Mapping[str, Any]) -> str:
    """The sha256 over the content of `meta.json`, whatever its layout."""
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()
