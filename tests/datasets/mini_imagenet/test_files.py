"""mini-ImageNet from archives, lists and folders: what is missing or wrong is named."""

from __future__ import annotations

import pytest

from metabench.datasets.mini_imagenet.lists import pickle_name
from metabench.errors import UserError
from tests.datasets import tiny_mini_imagenet as tiny
from tests.datasets.mini_imagenet.preparing import prepare, refused


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


def damage_image(content):
    changed = bytearray(content)
    changed[len(changed) // 2 :] = b""
    return bytes(changed)


IMAGES_WRONG = {
    "empty": (b"", "not a JPEG or PNG file"),
    "web page": (b"<html>Sign in</html>", "not a JPEG or PNG file"),
    "cut": (damage_image(tiny.jpeg(0)), "is not a readable image"),
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
    "no heading": (lambda text: text[15:], "does not begin with the line .*, but with `n04c"),
    "three columns": (lambda text: text.replace(b"label\n", b"label,sex\n"), "label,sex`; give it"),
    "twice a column": (lambda text: text.replace(b"label\n", b"label,label\n"), "does not begin"),
    "empty": (lambda text: b"", "does not begin with the line"),
    "not text": (lambda text: b"\xff\xfe\x00", "not a list of images"),
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


COLUMNS = {
    "index": lambda n, row: f"{n - 1 if n else ''},{row}",
    "pandas": lambda n, row: f"{n - 1 if n else 'Unnamed: 0'},{row}",
    "swapped": lambda n, row: ",".join(reversed(row.split(","))),
    "prefix": lambda n, row: f"images/{row}" if n else row,
    "upper case": lambda n, row: row if n else "FileName, Label",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_lists_with_other_columns_are_read_where_they_have_one_meaning(tmp_path, name):
    folder = tiny.write_lists(tmp_path / "given")
    before = prepare(tmp_path, folder).digest
    for list_, text in tiny.lists().items():
        rows = [COLUMNS[name](n, row) for n, row in enumerate(text.decode().splitlines())]
        (folder / list_).write_text("\n".join(rows))
    assert prepare(tmp_path / "again", folder).digest == before


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
    refused(tmp_path, folder, "n04` is not a readable folder")
    (folder / "train" / "n04").unlink()
    (tmp_path / "n04").rename(folder / "train" / "n04")
    assert prepare(tmp_path, folder).class_names == tiny.ORDER


TOP = {
    "lacks an image": ({"mini/images/n04b.jpg": None}, r"lacks `images/n04b\.jpg`"),
    "lacks a list": ({"mini/val.csv": None}, r"lacks the list `val\.csv`"),
    "has an image twice": ({"other/images/n01a.jpg": tiny.jpeg(1)}, "occurs twice"),
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
