"""MNIST's files: what is taken, what is refused, in which order the digits come."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from metabench import data
from metabench.contracts.dataset import Records
from metabench.data.readers import idx
from metabench.datasets.mnist import dataset as mnist
from metabench.errors import UserError

COUNTS = (30, 20)
LAYOUT = tuple(part._replace(total=total) for part, total in zip(mnist.PARTS, COUNTS, strict=True))
TRAIN, TEST = LAYOUT


def image(number):
    """Digit number `number` of all fifty: grey, told by its first pixel."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[10:20, 10:20] = 255
    pixels[0, 0] = number + 1
    return pixels


def label(number):
    return number * 7 % 10


def packed(array):
    """An IDX file."""
    sizes = struct.pack(f">{1 + array.ndim}L", 0x800 + array.ndim, *array.shape)
    return sizes + array.astype(np.uint8).tobytes()


def contents():
    """The four files of a miniature, not compressed."""
    first = 0
    files = {}
    for part in LAYOUT:
        numbers = range(first, first + part.total)
        files[part.images] = packed(np.stack([image(n) for n in numbers]))
        files[part.labels] = packed(np.array([label(n) for n in numbers]))
        first += part.total
    return files


def write(folder, compressed=True, **replaced):
    """Write the miniature, with some files' contents replaced."""
    folder.mkdir(exist_ok=True)
    for name, content in contents().items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(replaced.get(name, gzip.compress(content)))
        else:
            (folder / name).write_bytes(replaced.get(name, content))
    return folder


SPEC = mnist.DATASET._replace(
    name="tiny",
    records=Records(partial(mnist.read, layout=LAYOUT), sum(COUNTS), mnist.decode),
    archives=tuple(one._replace(url="http://127.0.0.1:9/x") for one in mnist.DATASET.archives),
)


@pytest.mark.parametrize("compressed", [True, False])
def test_digits_come_class_by_class_each_in_the_order_of_the_files(tmp_path, compressed):
    folder = write(tmp_path / "given", compressed)
    dataset = data.load_or_prepare(SPEC, None, folder, tmp_path / "cache", progress=False)
    assert dataset.class_names == tuple("0123456789")
    numbers = sorted(range(50), key=lambda number: (label(number), number))
    np.testing.assert_array_equal(dataset.labels, [label(number) for number in numbers])
    np.testing.assert_array_equal(dataset.images[..., 0], [image(number) for number in numbers])


def test_other_sizes_are_resized(tmp_path):
    folder = write(tmp_path / "given")
    dataset = data.load_or_prepare(SPEC, 14, folder, tmp_path / "cache", progress=False)
    assert dataset.images.shape == (50, 14, 14, 1)
    assert dataset.images[0, 7, 7, 0] > 240
    assert dataset.images[0, 13, 13, 0] == 0


def test_the_split_is_for_the_test_alone():
    parts = mnist.DATASET.splits["digits"]().parts
    assert parts == {"train": (), "val": (), "test": tuple("0123456789")}


def flipped(content, place=-30):
    changed = bytearray(content)
    changed[place] ^= 0xFF
    return bytes(changed)


IMAGES = contents()[TEST.images]
LABELS = contents()[TEST.labels]
NOT_WANTED = "is not the expected IDX file"
WRONG = {
    "empty": (TEST.images, b"", "ends after 0 bytes"),
    "truncated gzip": (TEST.images, gzip.compress(IMAGES)[:-20], "damaged"),
    "cut before the checksum": (TEST.images, gzip.compress(IMAGES)[:-8], "damaged"),
    "flipped bit": (TEST.images, flipped(gzip.compress(IMAGES), 40), "damaged"),
    "flipped checksum": (TEST.images, flipped(gzip.compress(IMAGES), -8), "CRC"),
    "flipped pixel, stored": (TEST.images, flipped(gzip.compress(IMAGES, 0)), "CRC"),
    "garbage after gzip": (TEST.images, gzip.compress(IMAGES) + b"garbage", "damaged"),
    "web page": (TEST.images, b"  <!DOCTYPE html><title>404</title>", "is a web page"),
    "noise": (TEST.images, b"\x07" * 999, "magic number is 0x07070707"),
    "labels for images": (TEST.images, gzip.compress(LABELS), "0x00000801 and .* 0x00000803"),
    "images for labels": (TEST.labels, gzip.compress(IMAGES), "0x00000803 and .* 0x00000801"),
    "floats": (TEST.images, gzip.compress(flipped(IMAGES, 2)), "magic number"),
    "other count": (TEST.images, gzip.compress(contents()[TRAIN.images]), "30×28×28 .* 20×28×28"),
    "other size": (TEST.images, gzip.compress(packed(np.zeros((20, 32, 32)))), "20×32×32"),
    "too few pixels": (TEST.images, gzip.compress(IMAGES[:-1]), "fewer than the 15,680"),
    "too many pixels": (TEST.images, gzip.compress(IMAGES + b"\0"), "more than the 15,680"),
    "header cut": (TEST.images, gzip.compress(IMAGES[:11]), "ends after 11 bytes"),
    "bomb": (TEST.images, gzip.compress(IMAGES + bytes(1 << 26)), "more than the 15,680"),
    "label 10": (TEST.labels, gzip.compress(LABELS[:-1] + b"\x0a"), "a label 10, but"),
    "no nines": (TEST.labels, gzip.compress(LABELS.replace(b"\x09", b"\x08")), "no label 9"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_are_refused_and_leave_nothing(tmp_path, name):
    file, content, finding = WRONG[name]
    folder = write(tmp_path / "given", **{file: content})
    tracemalloc.start()
    with pytest.raises(UserError, match=finding) as caught:
        data.prepare(SPEC, None, folder, tmp_path / "cache", progress=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    text = str(caught.value)
    assert f"`{folder / file}.gz`" in text
    assert text.endswith("remove it and download it again")
    assert "\n" not in text
    assert peak < 1 << 25  # of the bomb, no more was unpacked than was asked for
    assert not data.is_prepared(SPEC, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.array_record*"))
    write(tmp_path / "given")  # mended, it prepares
    data.prepare(SPEC, None, folder, tmp_path / "cache", progress=False)


def test_a_file_that_is_not_compressed_is_held_to_its_size_too(tmp_path):
    path = tmp_path / "images"
    for content, finding in ((IMAGES[:-1], "fewer"), (IMAGES + b"x", "more")):
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{NOT_WANTED}: it holds {finding}"):
            idx.read(path, (20, 28, 28))


@pytest.mark.realdata
@pytest.mark.slow
def test_real_digits():
    dataset = data.load_or_prepare(mnist.DATASET, progress=False)
    assert dataset.digest == mnist.DATASET.digests[28]
    assert dataset.images.shape == (70_000, 28, 28, 1)
    counts = np.bincount(dataset.labels)
    assert counts.tolist() == [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    path = next(Path(os.environ["METABENCH_ARCHIVES"]).rglob("t10k-images-idx3-ubyte*"))
    seven = idx.read(path, (10_000, 28, 28))[0]  # the first of the test images is a 7
    place = np.flatnonzero(dataset.labels == 7)[6265]  # after the 6,265 sevens for training
    np.testing.assert_array_equal(dataset.images[place, :, :, 0], seven)
