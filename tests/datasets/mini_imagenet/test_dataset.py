"""mini-ImageNet: four forms give the same images; what is missing or wrong in any is named."""

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
from metabench.errors import UserError
from tests.datasets import tiny_mini_imagenet as tiny


def prepare(tmp_path, folder, size=None):
    return data.load_or_prepare(tiny.SPEC, size, folder, tmp_path / "cache", progress=False)


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
    (folder / "val" / "n02" / ".DS_Store").write_bytes(b"")
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


def test_a_missing_archive_says_where_to_get_it_and_where_to_put_it(tmp_path):
    with pytest.raises(UserError) as caught:
        prepare(tmp_path, tmp_path)
    text = str(caught.value)
    for part in ("licence", "image-net.org", "mini-imagenet.tar.xz", "`--archives`", "*.pkl"):
        assert part in text
    assert "\n" not in text


def test_half_of_a_form_is_named(tmp_path):
    tiny.write_pickles(tmp_path)
    (tmp_path / pickle_name("val")).unlink()
    with pytest.raises(UserError, match=r"^`mini-imagenet-cache-val\.pkl` of dataset .* not found"):
        prepare(tmp_path, tmp_path)


def refused(tmp_path, folder, finding):
    """Preparing is refused in one sentence, and leaves nothing that is trusted."""
    with pytest.raises(UserError, match=finding) as caught:
        prepare(tmp_path, folder)
    text = str(caught.value)
    assert str(folder) in text
    assert text.split("; ")[-1].startswith(("get ", "remove it and "))
    assert "\n" not in text
    assert not data.is_prepared(tiny.SPEC, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.array_record*"))


def damage_image(content):
    changed = bytearray(content)
    changed[len(changed) // 2 :] = b""
    return bytes(changed)


IMAGES_WRONG = {
    "empty": (b"", "not a JPEG or PNG file"),
    "web page": (b"<html>Sign in</html>", "not a JPEG or PNG file"),
    "cut": (damage_image(tiny.jpeg(0)), "is no image that can be read"),
    "GIF": (tiny.jpeg(0, mode="P", form="GIF"), "not a JPEG or PNG file"),
    "CMYK": (tiny.jpeg(0, mode="CMYK"), "its mode is CMYK, not RGB or L"),
    "alpha": (tiny.jpeg(0, mode="RGBA", form="PNG"), "its mode is RGBA"),
    "huge": (tiny.jpeg(0, (5000, 10)), "5000x10 pixels"),
}


@pytest.mark.parametrize("name", IMAGES_WRONG)
@pytest.mark.parametrize("form", ["tar", "lists", "folders"])
def test_images_that_do_not_decode_are_refused_by_name(tmp_path, name, form):
    content, finding = IMAGES_WRONG[name]
    folder = tmp_path / "given"
    if form == "tar":
        folder.mkdir()
        files = tiny.files() | {"mini/images/n02a.jpg": content}
        tiny.write_tar(folder / "mini-imagenet.tar.gz", files)
    elif form == "lists":
        tiny.write_lists(folder)
        (folder / "images" / "n02a.jpg").write_bytes(content)
    else:
        tiny.write_folders(folder)
        (folder / "val" / "n02" / "n02a.jpg").write_bytes(content)
    refused(tmp_path, folder, rf"n02a\.jpg`.*{finding}")


def bomb(side):
    """A PNG that declares a square of `side` pixels, and has none."""
    png = bytearray(tiny.jpeg(0, form="PNG"))
    png[16:24] = side.to_bytes(4, "big") * 2
    import zlib

    png[29:33] = zlib.crc32(bytes(png[12:29])).to_bytes(4, "big")
    return bytes(png)


@pytest.mark.parametrize("side", [9_000, 60_000])
def test_an_image_that_would_unpack_without_end_is_refused(tmp_path, side):
    folder = tiny.write_lists(tmp_path / "given")
    (folder / "images" / "n03b.jpg").write_bytes(bomb(side))
    refused(tmp_path, folder, rf"n03b\.jpg`.* ({side}x{side} pixels|decompression bomb)")


LISTS_WRONG = {
    "no heading": (lambda text: text[15:], "does not begin with the line"),
    "empty": (lambda text: b"", "does not begin with the line"),
    "not text": (lambda text: b"\xff\xfe\x00", "no list of images"),
    "web page": (lambda text: b"<html>Sign in</html>", "does not begin"),
    "one column": (lambda text: text.replace(b",n01", b""), "no file name and label in line"),
    "path": (lambda text: text.replace(b"n01a", b"../n01a"), "no file name and label in line"),
    "absolute": (lambda text: text.replace(b"n01a", b"/n01a"), "no file name and label in line"),
    "other class": (lambda text: text.replace(b",n01", b",n99"), "has the class `n99`, which"),
    "one less": (lambda text: text[:-13], "has 2 images of the class `n01`, not 3"),
    "twice": (lambda text: text.replace(b"n01a", b"n01b"), r"has `n01b.jpg` 2 times"),
    "not there": (lambda text: text.replace(b"n01a", b"n01z"), r"n01z\.jpg"),
    "too large": (lambda text: text + b"\n" * (1 << 22), r"4,194,304"),
}


@pytest.mark.parametrize("name", LISTS_WRONG)
@pytest.mark.parametrize("form", ["tar", "lists"])
def test_wrong_lists_are_refused(tmp_path, name, form):
    change, finding = LISTS_WRONG[name]
    wrong = change(tiny.lists()["train.csv"])
    folder = tmp_path / "given"
    if form == "tar":
        folder.mkdir()
        files = tiny.files() | {"mini/train.csv": wrong}
        tiny.write_tar(folder / "mini-imagenet.tar.xz", files)
    else:
        (tiny.write_lists(folder) / "train.csv").write_bytes(wrong)
    refused(tmp_path, folder, finding)


def test_class_folders_must_be_those_of_the_split_and_whole(tmp_path):
    folder = tiny.write_folders(tmp_path / "given")
    extra = folder / "train" / "n01" / "x.jpg"
    extra.write_bytes(tiny.jpeg(3))
    refused(tmp_path, folder, "n01` has 4 images of the class `n01`, not 3")
    extra.unlink()
    (folder / "val" / "n03").mkdir()
    refused(tmp_path, folder, "val` has the class `n03`, which is not in that part")
    (folder / "val" / "n03").rmdir()
    (folder / "train" / "n04").rename(tmp_path / "n04")
    refused(tmp_path, folder, "train` lacks the class `n04`")
    (folder / "train" / "n04").write_bytes(b"no folder")
    refused(tmp_path, folder, "n04` is no readable folder")
    (folder / "train" / "n04").unlink()
    (tmp_path / "n04").rename(folder / "train" / "n04")
    assert prepare(tmp_path, folder).class_names == tiny.ORDER


TOP = {
    "lacks an image": ({"mini/images/n04b.jpg": None}, r"lacks `images/n04b\.jpg`"),
    "lacks a list": ({"mini/val.csv": None}, r"lacks the list `val\.csv`"),
    "has an image twice": ({"other/images/n01a.jpg": tiny.jpeg(1)}, "is there twice"),
    "has a list twice": ({"other/val.csv": b""}, r"has the list `val\.csv` twice"),
    "lists twice over parts": (
        {"mini/val.csv": tiny.lists()["val.csv"].replace(b"n02a", b"n01a")},
        r"lacks `images/n01a\.jpg`, or lists it twice",
    ),
}


@pytest.mark.parametrize("name", TOP)
def test_archives_that_are_not_whole_are_refused(tmp_path, name):
    changes, finding = TOP[name]
    files = {key: value for key, value in (tiny.files() | changes).items() if value is not None}
    folder = tmp_path / "given"
    folder.mkdir()
    tiny.write_tar(folder / "mini-imagenet.tar.gz", files)
    refused(tmp_path, folder, finding)


def change_pickle(folder, part, **changes):
    import pickle

    content = tiny.arrays(part) | changes
    content = {key: value for key, value in content.items() if value is not None}
    (folder / pickle_name(part)).write_bytes(pickle.dumps(content))


ROWS = tiny.arrays("train")["class_dict"]
PIXELS = tiny.arrays("train")["image_data"]
PICKLES_WRONG = {
    "no images": ({"image_data": None}, "has no `image_data` and `class_dict`"),
    "images in a list": ({"image_data": [1, 2]}, "`image_data` of no array"),
    "floats": ({"image_data": PIXELS.astype("f4")}, "`image_data` of float32"),
    "other size": ({"image_data": PIXELS[:, :80]}, r"of uint8 \(6, 80, 84, 3\), not"),
    "grey": ({"image_data": PIXELS[..., :1]}, r"of uint8 \(6, 84, 84, 1\), not"),
    "one less": ({"image_data": PIXELS[:-1]}, r"of uint8 \(5, "),
    "no classes": ({"class_dict": [1]}, "no dict of classes"),
    "other class": ({"class_dict": ROWS | {"n99": [0]}}, "has the class `n99`"),
    "missing class": ({"class_dict": {"n01": ROWS["n01"]}}, "lacks the class `n04`"),
    "wrong counts": ({"class_dict": ROWS | {"n01": [0]}}, "has 1 images of the class `n01`"),
    "beyond the end": ({"class_dict": ROWS | {"n01": [0, 2, 99]}}, "each image once"),
    "negative": ({"class_dict": ROWS | {"n01": [0, 2, -2]}}, "each image once"),
    "twice": ({"class_dict": ROWS | {"n01": [0, 2, 2]}}, "each image once"),
    "text": ({"class_dict": ROWS | {"n01": "024"}}, "no lists of indices"),
    "floats as rows": ({"class_dict": ROWS | {"n01": [0.0, 2.0, 4.0]}}, "no lists of indices"),
}


@pytest.mark.parametrize("name", PICKLES_WRONG)
def test_wrong_pickles_are_refused(tmp_path, name):
    changes, finding = PICKLES_WRONG[name]
    folder = tiny.write_pickles(tmp_path / "given")
    change_pickle(folder, "train", **changes)
    refused(tmp_path, folder, finding)


def test_indices_may_be_an_array(tmp_path):
    folder = tiny.write_pickles(tmp_path / "given")
    before = prepare(tmp_path, folder).digest
    rows = {name: np.array(one) for name, one in ROWS.items()}
    change_pickle(folder, "train", class_dict=rows)
    assert prepare(tmp_path / "again", folder).digest == before


def archive_path():
    return next(Path(os.environ["METABENCH_ARCHIVES"]).rglob("mini-imagenet.tar.xz"))


@pytest.mark.realdata
@pytest.mark.slow
def test_real_images(tmp_path):
    dataset = data.load_or_prepare(mini_imagenet.DATASET, progress=False)
    with tarfile.open(archive_path()) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later
        archive.extractall(tmp_path)
    folder = tmp_path / "mini-imagenet"
    assert dataset.digest == mini_imagenet.DATASET.digests[84]
    assert dataset.images.shape == (60_000, 84, 84, 3)
    np.testing.assert_array_equal(dataset.labels, np.repeat(np.arange(100), 600))
    parts = mini_imagenet.DATASET.splits["ravi"]().parts
    assert dataset.class_names == sum(parts.values(), ())
    row = 0
    for part, classes in parts.items():
        text = (folder / f"{part}.csv").read_bytes()
        found = listed(text, part, classes, 600)
        lines = text.decode().split()[1:]
        assert list(dict.fromkeys(line.split(",")[1] for line in lines)) == list(classes)
        for files in found.values():
            for index in (0, 299, 599):
                encoded = (folder / "images" / files[index]).read_bytes()
                expected = pictures.pixels(encoded, 84, "RGB")
                np.testing.assert_array_equal(dataset.images[row + index], expected)
            row += 600
