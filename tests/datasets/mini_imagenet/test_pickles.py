"""mini-ImageNet from pickles: what is wrong in one is named."""

from __future__ import annotations

import numpy as np
import pytest

from metabench.datasets.mini_imagenet.lists import pickle_name
from tests.datasets import tiny_mini_imagenet as tiny
from tests.datasets.mini_imagenet.preparing import prepare, refused


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
    "no classes": ({"class_dict": [1]}, "not a dict of classes"),
    "other class": ({"class_dict": ROWS | {"n99": [0]}}, "has the class `n99`"),
    "missing class": ({"class_dict": {"n01": ROWS["n01"]}}, "lacks the class `n04`"),
    "wrong counts": ({"class_dict": ROWS | {"n01": [0]}}, "has 1 images of the class `n01`"),
    "beyond the end": ({"class_dict": ROWS | {"n01": [0, 2, 99]}}, "each image once"),
    "negative": ({"class_dict": ROWS | {"n01": [0, 2, -2]}}, "each image once"),
    "twice": ({"class_dict": ROWS | {"n01": [0, 2, 2]}}, "each image once"),
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
