"""`folder:PATH`: layouts, pixels, and every mistake as one sentence that leaves no cache."""

from __future__ import annotations

import os
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from metabench import conformance, data, registry
from metabench.datasets.folder import images, tree
from metabench.errors import UserError

RNG = np.random.default_rng(0)


def picture(path, width=10, height=None, mode="RGB", **options):
    """An image of noise in the file `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (height or width, width) + ((bands,) if bands > 1 else ())
    image = Image.fromarray(RNG.integers(0, 256, shape).astype(np.uint8))
    image.convert(mode).save(path, **options)
    return path


def classes(root, *names, images=2, **options):
    for name in names:
        for number in range(images):
            picture(root / name / f"{number}.png", **options)
    return root


@pytest.fixture
def root(tmp_path):
    """Six classes of two images, without parts."""
    return classes(tmp_path / "birds", *"fedcba")


def spec_of(root):
    return registry.dataset(f"folder:{root}")


def prepared(root, size=None):
    return data.load_or_prepare(spec_of(root), size, cache=root.parent / "cache", progress=False)


def refused(root, *parts, size=None):
    with pytest.raises(UserError) as caught:
        prepared(root, size)
    sentence = str(caught.value)
    assert "\n" not in sentence
    for part in parts:
        assert part in sentence, sentence
    trusted = [path for path in (root.parent / "cache").rglob("*") if path.suffix == ".npy"]
    assert trusted == []


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


def test_it_conforms(root):
    prepared_ = conformance.datasets.Prepared(spec_of(root), prepared(root))
    for check in conformance.datasets.DATASET_CHECKS:
        check(prepared_)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([{"width": 10}, {"width": 10}], (10, 10, 3)),
        ([{"width": 10}, {"width": 12}], (84, 84, 3)),
        ([{"width": 10, "height": 12}] * 2, (84, 84, 3)),
        ([{"mode": "L"}, {"mode": "1"}], (10, 10, 1)),
        ([{"mode": "L"}, {"mode": "LA"}], (10, 10, 1)),
        ([{"mode": "L"}, {"mode": "RGB"}], (10, 10, 3)),
        ([{"mode": "P"}, {"mode": "L", "width": 9}], (84, 84, 3)),
        ([{"mode": "L"}, {"mode": "L", "width": 9}], (84, 84, 1)),
    ],
)
def test_size_and_colours_are_those_of_the_images(tmp_path, images, expected):
    root = classes(tmp_path / "birds", *"abc", images=1, **images[0])
    picture(root / "c" / "last.png", **images[1])
    assert spec_of(root).image == expected
    assert prepared(root).images.shape == (4, *expected)


def test_images_are_squeezed_to_the_size_asked_for(tmp_path):
    root = classes(tmp_path / "birds", *"abc", width=30, height=20)
    found = prepared(root, 7)
    assert found.images.shape == (6, 7, 7, 3)
    with Image.open(root / "a" / "0.png") as image:
        wanted = np.asarray(image.resize((7, 7), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(found.images[0], wanted)


def test_kinds_of_pixels(tmp_path):
    def read(path, channels=1):
        return images.pixels(path, 4, channels)

    deep = np.arange(16, dtype=np.uint16).reshape(4, 4) * 4096
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read(tmp_path / "deep.png")[:, :, 0], deep >> 8)
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read(tmp_path / "clear.png", 3) == 255).all()
    Image.new("LA", (4, 4), (0, 0)).save(tmp_path / "clear-grey.png")
    assert (read(tmp_path / "clear-grey.png") == 255).all()
    Image.new("CMYK", (4, 4), (255, 0, 0, 0)).save(tmp_path / "print.jpg")
    assert (abs(read(tmp_path / "print.jpg", 3).astype(int) - [0, 255, 255]) < 8).all()
    turned = Image.fromarray(np.repeat([[0, 0, 255, 255]], 4, axis=0).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    turned.save(tmp_path / "turned.png", exif=exif)
    assert read(tmp_path / "turned.png")[:, :, 0].tolist() == [[0] * 4] * 2 + [[255] * 4] * 2


def test_many_images_keep_their_order(tmp_path):
    root = tmp_path / "many"
    for number in range(200):
        path = root / f"{number // 50}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3 + 40 * (number % 2), 3), number).save(path)
    assert prepared(root, 2).images[:, 0, 0, 0].tolist() == list(range(200))


def test_a_reader_that_stops_early_ends_the_threads(root):
    stream = images.decoded(tree.read_tree(root).images, 5, 3)
    assert next(stream)[0] == "a"
    stream.close()


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


def test_names_are_the_same_however_a_system_spells_them(tmp_path):
    composed, apart = "caf\u00e9", "cafe\u0301"
    assert prepared(classes(tmp_path / "x", "a", "b", apart)).class_names == ("a", "b", composed)


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("absent", "file"):
        refused(tmp_path / name, f"`dataset` is 'folder:{tmp_path / name}'", "name one with images")


def test_no_classes(tmp_path):
    (tmp_path / "birds").mkdir()
    refused(tmp_path / "birds", "has 0 classes", "`split/class/image`")


def test_one_class_only(tmp_path):
    refused(classes(tmp_path / "birds", "a"), "has 1 class;", "3 or more")


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


@pytest.mark.parametrize("name", ["notes.txt", "image.gif", "noname"])
def test_a_file_that_is_no_image_by_name(root, name):
    (root / "a" / name).write_text("x")
    refused(root, f"{root}/a/{name} is no PNG or JPEG", "move it away")


def test_a_folder_within_a_class(root):
    picture(root / "a" / "more" / "0.png")
    refused(root, f"{root}/a/more is a folder in a class", "`split/class/image`")


@pytest.mark.parametrize("content", [b"", b"<html>sign in</html>", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
@pytest.mark.parametrize("size", [None, 8])
def test_a_file_that_is_no_image_by_content(root, content, size):
    (root / "b" / "odd.png").write_bytes(content)
    refused(root, f"{root}/b/odd.png cannot be read as PNG or JPEG", "replace it", size=size)


def test_a_gif_called_a_png(root):
    Image.new("L", (10, 10)).save(root / "b" / "odd.png", "GIF")
    refused(root, f"{root}/b/odd.png cannot be read as PNG or JPEG")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_image(root, suffix, kept):
    path = picture(root / "b" / f"cut.{suffix}", 64)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    refused(root, f"{path} cannot be read as PNG or JPEG")


def test_flipped_bits_in_a_png_are_found(root):
    path = picture(root / "b" / "flipped.png", 64)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    refused(root, f"{path} cannot be read as PNG or JPEG")


def test_an_image_of_too_many_pixels(root):
    Image.new("1", (9000, 9000)).save(root / "b" / "vast.png")
    refused(root, "vast.png cannot be read", "9000 by 9000 pixels are too many")
    Image.new("1", (20000, 20000)).save(root / "b" / "vast.png")  # Pillow itself refuses it
    refused(root, "vast.png cannot be read as PNG or JPEG")


def test_parts_beside_other_folders(tmp_path):
    root = tmp_path / "birds"
    for part in ("train", "val", "test"):
        classes(root / part, f"{part}-class")
    classes(root, "stray")
    refused(root, "is mixed", "stray", "`split/class/image`")


def test_a_missing_part(tmp_path):
    classes(tmp_path / "birds" / "train", *"abc")
    classes(tmp_path / "birds" / "test", *"de")
    refused(tmp_path / "birds", "has no part val")


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
    refused(root, "has a name that is no line of text; rename it")
