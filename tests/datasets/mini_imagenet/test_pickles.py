"""mini-ImageNet from pickles: what is wrong in one is named."""

from __future__ import annotations

import pickle
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

from metabench.data.readers import pictures
from metabench.datasets.mini_imagenet.lists import category_name, pickle_name
from metabench.datasets.mini_imagenet.pickles import from_pickles
from tests.datasets import tiny_mini_imagenet as tiny
from tests.datasets.mini_imagenet.preparing import prepare, refused


def change_pickle(folder, part, **changes):
    content = tiny.arrays(part) | changes
    content = {key: value for key, value in content.items() if value is not None}
    (folder / pickle_name(part)).write_bytes(pickle.dumps(content))


ROWS = tiny.arrays("train")["class_dict"]
PIXELS = tiny.arrays("train")["image_data"]
PICKLES_WRONG = {
    "no images": (
        {"image_data": None},
        r"has no `image_data` and `class_dict`, but is a dict of \['class_dict'\]; give",
    ),
    "images in a list": ({"image_data": [1, 2]}, "`image_data` of no array, but a list; give"),
    "other fractions": ({"image_data": PIXELS / 256}, "of float64 from 0 to 0.99.*, which are not"),
    "around zero": ({"image_data": PIXELS / 127.5 - 1}, "of float64 from -1 to .*, which are not"),
    "no files": ({"image_data": ["x"] * 6}, r"image 0 of `.*train\.pkl` is not a readable image"),
    "less files": ({"image_data": [tiny.jpeg(1)] * 5}, "has 5 images, not 6"),
    "huge range": ({"class_dict": ROWS | {"n01": range(1 << 30)}}, "has 1073741824 images of"),
    "other size": ({"image_data": PIXELS[:, :80]}, r"of uint8 \(6, 80, 84, 3\), not"),
    "grey": ({"image_data": PIXELS[..., :1]}, r"of uint8 \(6, 84, 84, 1\), not"),
    "one less": ({"image_data": PIXELS[:-1]}, "has 5 images, not 6"),
    "no classes": ({"class_dict": [1]}, "not a dict of classes"),
    "other class": ({"class_dict": ROWS | {"n99": [0]}}, "has the class `n99`"),
    "missing class": ({"class_dict": {"n01": ROWS["n01"]}}, "lacks the class `n04`"),
    "wrong counts": ({"class_dict": ROWS | {"n01": [0]}}, "has 1 images of the class `n01`"),
    "beyond the end": ({"class_dict": ROWS | {"n01": [0, 2, 99]}}, "name each image once"),
    "negative": ({"class_dict": ROWS | {"n01": [0, 2, -2]}}, "name each image once"),
    "twice": ({"class_dict": ROWS | {"n01": [0, 2, 2]}}, "name each image once"),
    "text": ({"class_dict": ROWS | {"n01": "024"}}, "not lists of indices"),
    "floats as rows": ({"class_dict": ROWS | {"n01": [0.0, 2.0, 4.0]}}, "not lists of indices"),
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


def ordered(part):
    found = tiny.arrays(part)
    return found | {"class_dict": OrderedDict(found["class_dict"])}


def default(part):
    found = tiny.arrays(part)
    return found | {"class_dict": defaultdict(list, found["class_dict"])}


def changed(change):
    def make(part):
        found = tiny.arrays(part)
        return found | {"image_data": change(found["image_data"])}

    return make


def sorted_rows(part, rows=range):
    """Pixels in the order of the classes, and ranges of rows."""
    found = tiny.arrays(part)
    order = [row for one in found["class_dict"].values() for row in one]
    names = {name: rows(3 * i, 3 * i + 3) for i, name in enumerate(found["class_dict"])}
    return {"image_data": found["image_data"][order], "class_dict": names}


def five_axes(part):
    found = sorted_rows(part)
    return found | {"image_data": found["image_data"].reshape(-1, 3, 84, 84, 3)}


def as_bytes(part):
    """Keys of Python 2."""
    found = tiny.arrays(part)
    return {
        b"image_data": found["image_data"],
        b"class_dict": {name.encode(): rows for name, rows in found["class_dict"].items()},
    }


def by_labels(part, first=7):
    """Labels that do not begin at 0, and a class of another part without images."""
    found = tiny.arrays(part)
    names = {name: first + i for i, name in enumerate(found["class_dict"])}
    labels = [0] * len(found["image_data"])
    for name, rows in found["class_dict"].items():
        for row in rows:
            labels[row] = names[name]
    return {"data": found["image_data"], "labels": labels, "catname2label": names | {"n99": 99}}


SAME = {
    "OrderedDict": ordered,
    "defaultdict": default,
    "ranges": sorted_rows,
    "five axes": five_axes,
    "channels first": changed(lambda images: images.transpose(0, 3, 1, 2)),
    "floats": changed(lambda images: images.astype(np.float32)),
    "64-bit integers": changed(lambda images: images.astype(np.int64)),
    "255ths": changed(lambda images: images.astype(np.float32) / 255),
    "PNG files": changed(lambda images: [pictures.png(image) for image in images]),
    "bytes as keys": as_bytes,
    "data, labels, catname2label": by_labels,
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("protocol", [2, 5])
def test_layouts_of_public_codes_give_the_same_images(tmp_path, name, protocol):
    paths = {part: tmp_path / pickle_name(part) for part in tiny.PARTS}
    pairs = []
    for make in (tiny.arrays, SAME[name]):
        for part, path in paths.items():
            path.write_bytes(pickle.dumps(make(part), protocol))
        pairs.append([*from_pickles(paths, tiny.LAYOUT, lambda number: None)])
    assert pairs[1] == pairs[0]


def test_jpeg_files_stay_as_they_are(tmp_path):
    paths = {part: tmp_path / pickle_name(part) for part in tiny.PARTS}
    files = {}
    for part, path in paths.items():
        files[part] = [tiny.jpeg(seed) for seed in range(len(tiny.arrays(part)["image_data"]))]
        path.write_bytes(pickle.dumps(sorted_rows(part) | {"image_data": files[part]}))
    found = [encoded for _, encoded in from_pickles(paths, tiny.LAYOUT, lambda number: None)]
    assert found == [one for part in tiny.PARTS for one in files[part]]


def test_files_of_the_category_split_are_found_by_their_names(tmp_path):
    before = prepare(tmp_path, tiny.write_pickles(tmp_path / "usual")).digest
    folder = tmp_path / "given"
    folder.mkdir()
    for part in tiny.PARTS:
        (folder / category_name(part)).write_bytes(pickle.dumps(by_labels(part)))
    assert prepare(tmp_path / "again", folder).digest == before


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"catname2label": None}, r"but is a dict of \['data', 'labels'\]; give `image_data`"),
        ({"catname2label": {"n01": 7, "n04": 7}}, "`catname2label` that is not a dict"),
        ({"catname2label": {"n01": 7}}, "has the label 8, which `catname2label` does not have"),
        ({"labels": "778899"}, "`labels` whose entries are not lists of indices"),
        ({"labels": [7] * 6}, "lacks the class `n04`"),
    ],
)
def test_wrong_labels_are_refused(tmp_path, changes, finding):
    folder = tiny.write_pickles(tmp_path / "given")
    content = by_labels("train") | {"catname2label": {"n01": 7, "n04": 8}} | changes
    content = {key: value for key, value in content.items() if value is not None}
    (folder / pickle_name("train")).write_bytes(pickle.dumps(content))
    refused(tmp_path, folder, finding)
