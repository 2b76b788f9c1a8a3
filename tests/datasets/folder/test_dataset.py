"""`folder:PATH`: classes, splits, versions and names."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from metabench import conformance, data, registry
from metabench.errors import UserError
from metabench.tracks.fewshot.request import Asked, Places, Request, measured, plan_of
from tests.datasets.folder.making import classes, picture, prepared, spec_of


def test_classes_and_images_are_sorted_by_name(root):
    found = prepared(root)
    assert found.class_names == tuple("abcdef")
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    for row, path in enumerate(root / name / f"{n}.png" for name in "abcdef" for n in range(2)):
        np.testing.assert_array_equal(found.images[row], np.asarray(Image.open(path)))


def test_seeded_parts_are_golden_and_do_not_hang_on_the_folder(tmp_path, root):
    split = spec_of(root).splits["seeded"]()
    assert {part: len(names) for part, names in split.parts.items()} == {
        "train": 4,
        "val": 1,
        "test": 1,
    }
    assert split.parts == {"train": ("a", "b", "e", "f"), "val": ("d",), "test": ("c",)}
    other = classes(tmp_path / "elsewhere", *"abcdef", images=3)
    assert spec_of(other).splits["seeded"]() == split
    more = spec_of(classes(other, "g")).splits["seeded"]()
    assert more.digest != split.digest


def test_seeded_shares_are_64_16_20(tmp_path):
    names = [f"class{number:02d}" for number in range(50)]
    split = spec_of(classes(tmp_path / "many", *names, images=1, width=2)).splits["seeded"]()
    assert [len(split.parts[part]) for part in ("train", "val", "test")] == [32, 8, 10]
    assert sorted(name for part in split.parts.values() for name in part) == names


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_given_parts(tmp_path, val):
    root = tmp_path / "birds"
    for part, names in {"train": "cab", val: "d", "test": "fe"}.items():
        classes(root / part, *names)
    (root / "README.md").write_text("about")
    (root / ".hidden").mkdir()
    (root / "train" / "a" / ".DS_Store").write_text("")
    spec = spec_of(root)
    parts = {"train": ("a", "b", "c"), "val": ("d",), "test": ("e", "f")}
    assert spec.splits["given"]().parts == parts
    assert spec.default_split == "given"
    assert prepared(root).class_names == tuple("abcdef")


@pytest.mark.parametrize(
    ("layout", "others"),
    [
        ({".": "abcde"}, ["seeded"]),
        ({".": "ab"}, []),
        ({"test": "ab"}, []),
        ({"train": "a", "test": "bc"}, []),
        ({"train": "abc", "val": "d", "test": "e"}, ["given"]),
    ],
)
def test_a_folder_that_is_only_tested_on_is_all_test(tmp_path, layout, others):
    root = tmp_path / "birds"
    for part, names in layout.items():
        classes(root / part, *names)
    spec = registry.dataset(f"folder:{root}", tested=True)
    assert [*spec.splits] == ["all", *others]
    assert spec.default_split == "all"
    names = tuple(sorted("".join(layout.values())))
    assert spec.splits["all"]().parts == {"train": (), "val": (), "test": names}
    found = data.load_or_prepare(spec, cache=tmp_path / "cache", progress=False)
    assert found.class_names == names
    conformance.datasets.check_splits(conformance.datasets.Prepared(spec, found))


def test_a_run_tests_on_all_classes_of_a_folder(tmp_path):
    """Five classes in `class/image`, and two of them alone."""
    trained = classes(tmp_path / "many", *"uvwxyz", width=6)
    places = Places(tmp_path, cache=tmp_path / "cache", quiet=True)
    for name, letters in (("five", "abcde"), ("two", "ab")):
        root = classes(tmp_path / name, *letters, width=6)
        asked = Asked(f"folder:{trained}", len(letters), query=1, test_dataset=f"folder:{root}")
        plan = plan_of(Request("pixel_nn", asked, places=places))
        assert plan.protocol.split == "all"
        assert plan.protocol.id.endswith("-after-folder-many-seeded-v2")
        assert len(plan.tables["test"].counts) == len(letters)
    asked = Asked(f"folder:{trained}", 2, query=1, test_dataset=f"folder:{trained}")
    with pytest.raises(UserError, match=r"is what is trained on, and 5 of its .* met in training"):
        measured(asked, places)


def test_it_conforms(root):
    prepared_ = conformance.datasets.Prepared(spec_of(root), prepared(root))
    for check in conformance.datasets.DATASET_CHECKS:
        check(prepared_)


def test_a_changed_folder_is_prepared_anew(root):
    first = prepared(root)
    assert prepared(root).digest == first.digest
    version = spec_of(root).version
    picture(root / "a" / "0.png")
    assert spec_of(root).version != version
    assert prepared(root).digest != first.digest
    (root / "a" / "1.png").rename(root / "a" / "2.png")
    assert len({version, spec_of(root).version}) == 2
    os.utime(root / "b" / "0.png", ns=(1, 1))
    assert spec_of(root).version not in (version, "")


def test_a_folder_that_changes_while_it_is_read(root):
    spec = spec_of(root)
    picture(root / "a" / "3.png")
    with pytest.raises(UserError, match="was changed while it was read; run the command again"):
        data.prepare(spec, cache=root.parent / "cache", progress=False)
    assert not data.is_prepared(spec, cache=root.parent / "cache")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("my birds (2024)", "folder-my-birds-2024"),
        ("a_b-C", "folder-a_b-C"),
        ("鳥", "folder-images"),
        ("..birds", "folder-birds"),
    ],
)
def test_names_have_no_path_and_fit_everywhere(tmp_path, folder, name):
    assert spec_of(classes(tmp_path / folder, *"abc")).name == name


def test_what_systems_leave_is_passed_over(root):
    before = spec_of(root)
    for name in ("Thumbs.db", "desktop.ini", "._0.png", ".DS_Store"):
        (root / "a" / name).write_bytes(b"x")
        (root / name).write_bytes(b"x")
    picture(root / "__MACOSX" / "a" / "0.png")
    (root / "a" / "__MACOSX").mkdir()
    assert spec_of(root).version == before.version
    assert prepared(root).class_names == tuple("abcdef")


def test_a_run_says_how_many_classes_it_passes_over(tmp_path, capsys):
    root = classes(tmp_path / "birds", *"abcdef", images=3, width=4)
    (root / "c" / "0.png").unlink()
    asked = Asked(f"folder:{root}", way=2, query=1, min_images=3)
    with pytest.raises(UserError, match=r"`min-images` is 3, but no class of the test part"):
        plan_of(Request("pixel_nn", asked, places=Places(tmp_path, cache=tmp_path / "cache")))
    picture(root / "c" / "0.png", 4)
    (root / "a" / "0.png").unlink()
    found = measured(asked, Places(tmp_path, cache=tmp_path / "cache"))
    line = "folder-birds/seeded: 1 of 6 classes are passed over, as they have fewer than 3 images"
    assert line in capsys.readouterr().err
    assert found.protocol.min_images == 3


def test_names_are_the_same_however_a_system_spells_them(tmp_path):
    composed, apart = "caf\u00e9", "cafe\u0301"
    assert prepared(classes(tmp_path / "x", "a", "b", apart)).class_names == ("a", "b", composed)
