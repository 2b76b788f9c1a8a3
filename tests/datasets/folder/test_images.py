"""The images of a folder: their pixels, and those that are refused without leaving a cache."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from metabench import data
from metabench.datasets.folder import images, tree
from tests.datasets.folder.making import classes, picture, prepared, refused, spec_of


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
        return images.first_frame(path, 4, channels)[0]

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
    stream = images.decoded(tree.read_tree(root).images, 5, 3, print)
    assert next(stream)[0] == "a"
    stream.close()


@pytest.mark.parametrize("content", [b"", b"<html>sign in</html>", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
@pytest.mark.parametrize("size", [None, 8])
def test_a_file_that_is_no_image_by_content(root, content, size):
    (root / "b" / "odd.png").write_bytes(content)
    refused(
        root,
        f"{root}/b/odd.png cannot be read as PNG, JPEG, GIF, BMP, TIFF or WebP",
        "replace it",
        size=size,
    )


FORMS = {
    **{"gif": "GIF", "bmp": "BMP", "tif": "TIFF", "tiff": "TIFF", "webp": "WEBP"},
    **{"jfif": "JPEG", "JPG": "JPEG", "png": "GIF"},
}


@pytest.mark.parametrize(("suffix", "form"), FORMS.items())
def test_other_formats_are_read_whatever_their_names_say(tmp_path, suffix, form):
    root = tmp_path / "birds"
    plain = np.full((6, 6, 3), [200, 30, 90], np.uint8)
    for name in "abc":
        for number in range(2):
            path = root / name / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(plain).save(path, form)
    found = prepared(root)
    assert found.images.shape == (6, 6, 6, 3)
    assert abs(found.images.astype(int) - plain).max() < 9


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_of_several_frames_the_first_is_taken_and_said_once(root, suffix, capsys):
    frames = [Image.new("L", (10, 10), value) for value in (250, 10, 130)]
    for name in "ab":
        path = root / name / f"z.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
    spec = spec_of(root)
    found = data.load_or_prepare(spec, cache=root.parent / "cache")
    assert abs(found.images[[2, 5]].astype(int) - 250).max() < 9
    said = [line for line in capsys.readouterr().err.splitlines() if "frames" in line]
    assert said == [
        f"image {root}/a/z.{suffix} has several frames; of such images the first frame is taken"
    ]


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((4, 4), 0.5, np.float32), "its pixels are no whole numbers"),
        (np.full((4, 4), 70_000, np.int32), "its pixels have more than 16 bits"),
        (np.full((4, 4), -3, np.int32), "its pixels have more than 16 bits"),
    ],
)
def test_pixels_whose_brightness_is_unknown_are_refused(root, pixels, reason):
    Image.fromarray(pixels).save(root / "b" / "odd.tif")
    refused(root, f"{root}/b/odd.tif cannot be read", reason)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_image(root, suffix, kept):
    path = picture(root / "b" / f"cut.{suffix}", 64)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    refused(root, f"{path} cannot be read as PNG, JPEG, GIF, BMP, TIFF or WebP")


def test_flipped_bits_in_a_png_are_found(root):
    path = picture(root / "b" / "flipped.png", 64)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    refused(root, f"{path} cannot be read as PNG, JPEG, GIF, BMP, TIFF or WebP")


def test_an_image_of_too_many_pixels(root):
    Image.new("1", (9000, 9000)).save(root / "b" / "vast.png")
    refused(root, "vast.png cannot be read", "9000 by 9000 pixels are too many")
    Image.new("1", (20000, 20000)).save(root / "b" / "vast.png")  # Pillow itself refuses it
    refused(root, "vast.png cannot be read as PNG, JPEG, GIF, BMP, TIFF or WebP")
