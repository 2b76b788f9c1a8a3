"""mini-ImageNet: its four forms give the same images, and its split is the committed one."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from metabench import data
from metabench.data.readers import pictures
from metabench.datasets import make_splits
from metabench.datasets.mini_imagenet import dataset as mini_imagenet
from metabench.datasets.mini_imagenet.lists import listed, pickle_name
from tests.datasets import tiny_mini_imagenet as tiny
from tests.datasets.mini_imagenet.preparing import prepare


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tar.xz"])
def test_an_archive_is_read_in_the_order_of_its_lists(tmp_path, ending):
    tiny.write_tar(tmp_path / f"mini-imagenet{ending}", tiny.files())
    dataset = prepare(tmp_path, tmp_path)
    assert dataset.class_names == tiny.ORDER
    np.testing.assert_array_equal(dataset.labels, np.repeat(np.arange(4), 3))
    expected = [pictures.pixels(encoded, 84, "RGB") for encoded in tiny.images().values()]
    np.testing.assert_array_equal(dataset.images, expected)


def test_order_within_the_archive_does_not_matter(tmp_path):
    content = tiny.files()
    tiny.write_tar(tmp_path / "mini-imagenet.tar", content)
    first = prepare(tmp_path, tmp_path).digest
    backwards = {name: content[name] for name in reversed(content)}
    litter = {"mini/._x.jpg": b"", "mini/images/._n01a.jpg": b"x", "mini/README": b"x"}
    litter |= {"__MACOSX/images/n01a.jpg": b"x", "__MACOSX/train.csv": b"x"}
    litter["mini/images/Thumbs.db"] = b"x"
    folder = tmp_path / "again"
    folder.mkdir()
    tiny.write_tar(folder / "mini-imagenet.tar.gz", litter | backwards)
    assert prepare(folder, folder).digest == first


@pytest.mark.parametrize("place", [".", "tiny-images"])
def test_folders_with_lists_and_pickles_give_the_same_arrays(tmp_path, place):
    digests = set()
    for name, write in (("lists", tiny.write_lists), ("pickles", tiny.write_pickles)):
        write(tmp_path / name / place)
        digests.add(prepare(tmp_path / name, tmp_path / name).digest)
    tiny.write_tar(tmp_path / "mini-imagenet.tar", tiny.files())
    assert digests == {prepare(tmp_path, tmp_path).digest}


@pytest.mark.parametrize("form", ["tar", "lists", "folders", "pickles"])
def test_every_image_that_is_read_is_reported(tmp_path, form):
    tiny.write_tar(tmp_path / "mini-imagenet.tar", tiny.files())
    for write in (tiny.write_lists, tiny.write_folders, tiny.write_pickles):
        write(tmp_path)
    names = {
        "tar": ["mini-imagenet.tar"],
        "lists": ["images", "train.csv", "val.csv", "test.csv"],
        "folders": ["train", "val", "test"],
        "pickles": [pickle_name(part) for part in tiny.PARTS],
    }[form]
    told = []
    paths = {name: tmp_path / name for name in names}
    pairs = mini_imagenet.read(paths, told.append, tiny.PARTS, tiny.IMAGES)
    next(pairs)
    assert sum(told) == (12 if form == "tar" else 0)  # the archive is read before the first
    assert len(list(pairs)) == 11
    assert sum(told) == 12


def test_class_folders_are_read_in_the_order_of_file_names(tmp_path):
    folder = tiny.write_folders(tmp_path / "given")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._n02a.jpg"):
        (folder / "val" / "n02" / name).write_bytes(b"")
        (folder / "val" / name).write_bytes(b"")
    (folder / "val" / "__MACOSX").mkdir()
    dataset = prepare(tmp_path, folder)
    assert dataset.class_names == tiny.ORDER
    content = tiny.images()
    expected = [
        mini_imagenet.decode(content[f"{label}{letter}.jpg"], 84)
        for label in tiny.ORDER
        for letter in "abc"
    ]
    np.testing.assert_array_equal(dataset.images, expected)


def test_images_of_other_sizes_and_grey_ones_are_made_alike():
    wide = mini_imagenet.decode(tiny.jpeg(1, (168, 100)), 84)
    assert wide.shape == (84, 84, 3)
    grey = mini_imagenet.decode(tiny.jpeg(1, mode="L"), 32)
    assert grey.shape == (32, 32, 3)
    assert (grey[..., 0] == grey[..., 2]).all()
    # Nothing is cut off: the outer squares are still there.
    square = mini_imagenet.decode(tiny.jpeg(1), 84)
    assert np.abs(wide[:4, :4].astype(int) - square[:4, :4]).mean() < 12


def test_the_split_is_what_the_script_makes():
    split = mini_imagenet.DATASET.splits["ravi"]()
    text = (mini_imagenet.HERE / "ravi.json").read_text(encoding="utf-8")
    assert text == make_splits.text("mini_imagenet", "ravi")
    assert {part: len(classes) for part, classes in split.parts.items()} == {
        "train": 64,
        "val": 16,
        "test": 20,
    }
    assert len(set(sum(split.parts.values(), ()))) == 100
    assert split.parts["test"][0] == "n01930112"
    assert split.digest == "ea3f4e8c947a8830f68901641fdeae26b9e8d6c42a37f19c6483bfc3cb994977"


def archive_path():
    return next(Path(os.environ["METABENCH_ARCHIVES"]).rglob("mini-imagenet.tar.xz"))


@pytest.mark.realdata
@pytest.mark.slow
def test_real_images():
    dataset = data.load_or_prepare(mini_imagenet.DATASET, progress=False)
    with tarfile.open(archive_path()) as archive:
        files = {one.name: archive.extractfile(one).read() for one in archive if one.isfile()}
    assert dataset.digest == mini_imagenet.DATASET.digests[84]
    assert dataset.images.shape == (60_000, 84, 84, 3)
    np.testing.assert_array_equal(dataset.labels, np.repeat(np.arange(100), 600))
    parts = mini_imagenet.DATASET.splits["ravi"]().parts
    assert dataset.class_names == sum(parts.values(), ())
    row = 0
    for part, classes in parts.items():
        text = files[f"mini-imagenet/{part}.csv"]
        found = listed(text, part, classes, 600)
        lines = text.decode().split()[1:]
        assert list(dict.fromkeys(line.split(",")[1] for line in lines)) == list(classes)
        for names in found.values():
            for index in (0, 299, 599):
                encoded = files[f"mini-imagenet/images/{names[index]}"]
                expected = pictures.pixels(encoded, 84, "RGB")
                np.testing.assert_array_equal(dataset.images[row + index], expected)
            row += 600
