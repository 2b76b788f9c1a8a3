"""The layout of a folder: every mistake is one sentence that leaves no cache."""

from __future__ import annotations

import os
from itertools import combinations

import pytest

from metabench.datasets.folder import tree
from metabench.errors import UserError
from tests.datasets.folder.making import classes, picture, refused


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("absent", "file"):
        refused(tmp_path / name, f"`dataset` is 'folder:{tmp_path / name}'", "name one with images")


def test_no_classes(tmp_path):
    (tmp_path / "birds").mkdir()
    refused(tmp_path / "birds", "has 0 classes", "`split/class/image`")


def test_one_class_only(tmp_path):
    refused(classes(tmp_path / "birds", "a"), "has 1 class;", "3 or more")


def test_two_classes(tmp_path):
    refused(classes(tmp_path / "birds", "a", "b"), "2 classes; it needs 3", "as `test-dataset`")


def test_a_test_needs_two_classes(tmp_path):
    with pytest.raises(UserError, match="has 1 class; it needs 2 or more to test on, laid out"):
        tree.read_tree(classes(tmp_path / "birds", "a"), tested=True)


def test_images_without_classes(tmp_path):
    picture(tmp_path / "birds" / "a.png")
    refused(tmp_path / "birds", "has 0 classes", "`class/image`")


def test_images_beside_classes(root):
    picture(root / "a.jpg")
    refused(root, f"{root}/a.jpg lies beside folders")


def test_a_class_without_images(root):
    (root / "empty").mkdir()
    (root / "empty" / ".hidden").write_text("")
    refused(root, f"{root}/empty has no images", "remove it")


@pytest.mark.parametrize("name", ["notes.txt", "image.heic", "noname"])
def test_a_file_that_is_no_image_by_name(root, name):
    (root / "a" / name).write_text("x")
    refused(root, f"{root}/a/{name} is no image file (.png, .jpg, ", "move it away")


def test_a_folder_within_a_class(root):
    picture(root / "a" / "more" / "0.png")
    refused(root, f"{root}/a/more is a folder in a class", "`split/class/image`")


def test_parts_beside_other_folders(tmp_path):
    root = tmp_path / "birds"
    for part in ("train", "val", "test"):
        classes(root / part, f"{part}-class")
    classes(root, "stray")
    refused(root, "is mixed", "stray", "`split/class/image`")


def test_a_missing_part(tmp_path):
    classes(tmp_path / "birds" / "train", *"abc")
    classes(tmp_path / "birds" / "test", *"de")
    refused(tmp_path / "birds", "has no part val", "or give it as `test-dataset`")


def test_a_part_twice(tmp_path):
    for part, name in (("train", "a"), ("val", "b"), ("valid", "c"), ("test", "d")):
        classes(tmp_path / "birds" / part, name)
    refused(tmp_path / "birds", "two parts `val`", "valid")


@pytest.mark.parametrize("pair", [*combinations(("train", "val", "test"), 2)])
def test_a_class_in_two_parts(tmp_path, pair):
    root = tmp_path / "birds"
    for part in ("train", "val", "test"):
        classes(root / part, f"{part}1", f"{part}2")
    for part in pair:
        classes(root / part, "twice")
    refused(root, "class `twice`", "is in both", *pair)


@pytest.mark.parametrize("part", [".", "train", "test"])
def test_class_names_that_differ_in_unicode_form_alone(tmp_path, part):
    """One of them would lose its images in silence."""
    root = tmp_path / "birds"
    for given in ("train", "val", "test"):
        classes(root / given if part != "." else root, f"{given}1", f"{given}2")
    classes(root / part, "caf\u00e9")
    classes(root / part, "cafe\u0301", images=3)
    if len(list((root / part).glob("caf*"))) < 2:
        pytest.skip("this file system has one form of a name")
    refused(root, "two class folders", r"'cafe\u0301' and 'caf\xe9'", "rename one")


def test_a_class_in_two_parts_is_found_whatever_its_unicode_form(tmp_path):
    root = tmp_path / "birds"
    for part in ("train", "val", "test"):
        classes(root / part, f"{part}1")
    classes(root / "train", "caf\u00e9")
    classes(root / "test", "cafe\u0301")
    refused(root, "is in both test and train")


def test_images_whose_names_differ_in_unicode_form_alone_are_both_kept(root):
    for name in ("e\u0301.png", "\u00e9.png"):
        picture(root / "a" / name)
    found = [path.name for label, path in tree.read_tree(root).images if label == "a"]
    assert found[2:] in (["e\u0301.png", "\u00e9.png"], ["\u00e9.png"])


def test_an_unreadable_folder(root, monkeypatch):
    scan = os.scandir

    def refusing(path):
        if str(path).endswith("/c"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    refused(root, f"{root}/c cannot be read (Permission denied)")


def test_a_link_to_nowhere(root):
    (root / "a" / "gone.png").symlink_to(root / "nowhere.png")
    refused(root, f"{root}/a/gone.png")


@pytest.mark.parametrize("name", ["two\nlines", os.fsdecode(b"caf\xe9")])
def test_a_name_that_is_no_text(root, name):
    try:
        (root / name).mkdir()
    except OSError:
        pytest.skip("this file system has no such names")
    refused(root, "has a name that is not one line of text; rename it")
