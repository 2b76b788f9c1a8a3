"""Reading Omniglot's archives: what is taken, what is refused, what the pixels become."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metabench import data
from metabench.contracts.dataset import Request
from metabench.data import splits, tfds_records
from metabench.datasets.omniglot import dataset as omniglot
from metabench.datasets.omniglot.archive import drawings
from metabench.errors import UserError
from tests.datasets import tiny_omniglot as tiny

PART = tiny.LAYOUT[0]


def test_drawings_come_in_the_tables_order(tmp_path):
    path = tmp_path / PART.archive
    litter = {"__MACOSX/._x": b"", "images_background/.DS_Store": b"", "images_background/": b""}
    litter |= {"Thumbs.db": b"", "images_background/Greek/desktop.ini": b"", ".DS_Store": b""}
    litter |= {"images_background/Greek/character01/._0001_01.png": b"", "x/__MACOSX/y": b""}
    tiny.write_zip(path, tiny.entries(PART) | litter)
    found = [(d.name, d.drawer) for d in drawings(path, PART)]
    assert found == [(name, drawer) for name in PART.classes for drawer in (1, 2)]


def without(name):
    files = tiny.entries(PART)
    return {key: value for key, value in files.items() if name not in key}


@pytest.mark.parametrize(
    ("files", "finding"),
    [
        (without("Latin"), "it has 2 characters"),
        (without("0002_02"), "it lacks drawing 2 of `Greek/character02`"),
        (tiny.entries(PART) | {"images_background/Greek/character09/0009_01.png": b"x"}, "4 char"),
        (tiny.entries(PART) | {"../../etc/passwd": b"x"}, r"it holds `\.\./\.\./etc/passwd`"),
        (tiny.entries(tiny.LAYOUT[1]), "it holds `images_evaluation/"),
        (tiny.entries(PART) | {"images_background/Greek/character01/0001_03.png": b"x"}, "unknown"),
        (dict.fromkeys(tiny.entries(PART), b"not a png"), "damaged"),
        ({name: tiny.png(1, side=28) for name in tiny.entries(PART)}, "28x28 pixels"),
        ({name: tiny.png(1, mode="RGB") for name in tiny.entries(PART)}, "pixels of RGB"),
        ({name: tiny.png(1)[:60] for name in tiny.entries(PART)}, "damaged"),
        (dict.fromkeys(tiny.entries(PART), b"\x00" * (1 << 17)), "it holds"),
    ],
)
def test_wrong_archives_are_refused_by_name(tmp_path, files, finding):
    path = tiny.write_zip(tmp_path / PART.archive, files)
    with pytest.raises(UserError, match=finding) as caught:
        list(drawings(path, PART))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_drawing_that_is_there_twice_is_refused(tmp_path):
    path = tiny.write_zip(tmp_path / PART.archive, tiny.entries(PART))
    name = "images_background/Greek/character01/0001_01.png"
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(name, tiny.png(5))
    with pytest.raises(UserError, match="drawing 1 of `Greek/character01` twice"):
        list(drawings(path, PART))


def test_a_drawing_larger_than_it_says_is_not_unpacked(tmp_path):
    name = "images_background/Greek/character01/0001_01.png"
    bomb = tiny.entries(PART) | {name: bytes(1 << 28)}
    path = tmp_path / PART.archive
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in bomb.items():
            archive.writestr(entry, content)
    size = struct.pack("<L", 1 << 28)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<L", 300)))
    tracemalloc.start()
    with pytest.raises(UserError, match="is damaged or not a zip archive"):
        list(drawings(path, PART))
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


def test_a_web_page_is_recognised(tmp_path):
    path = tmp_path / PART.archive
    path.write_text("\n<!DOCTYPE html><html>Sign in</html>")
    with pytest.raises(UserError, match="is a web page"):
        list(drawings(path, PART))


@pytest.mark.parametrize("kind", ["empty", "cut", "flipped", "noise"])
def test_damaged_files_are_refused(tmp_path, kind):
    path = tiny.write_zip(tmp_path / PART.archive, tiny.entries(PART))
    whole = bytearray(path.read_bytes())
    middle = whole.index(b"IDAT") + 20
    flipped = whole.copy()
    flipped[middle] ^= 0xFF
    damaged = {"empty": b"", "cut": whole[:-200], "flipped": flipped, "noise": b"\x07" * 999}
    path.write_bytes(damaged[kind])
    with pytest.raises(UserError, match=r"is damaged or not a zip archive"):
        list(drawings(path, PART))


def test_a_damaged_archive_passes_through_the_builder_as_one_sentence(tmp_path):
    folder = tiny.write(tmp_path / "archives")
    tiny.write_zip(folder / PART.archive, without("Latin"))
    with pytest.raises(UserError, match="it has 2 characters") as caught:
        data.prepare(tiny.spec(), archives=folder, cache=tmp_path / "cache", progress=False)
    assert "\n" not in str(caught.value)
    assert not data.is_prepared(tiny.spec(), cache=tmp_path / "cache")


def test_ink_is_255_and_grey_survives():
    image = omniglot.ink(tiny.png(3), 28)
    assert image.shape == (28, 28, 1)
    assert image.dtype == np.uint8
    assert image[6, 8, 0] == 255  # within the square
    assert image[20, 20, 0] == 0  # paper
    assert np.any((image > 0) & (image < 255))


def test_full_size_is_the_archives_pixels():
    image = omniglot.ink(tiny.png(3), 105)[:, :, 0]
    with Image.open(io.BytesIO(tiny.png(3))) as original:
        np.testing.assert_array_equal(image == 255, ~np.asarray(original))


def test_resampling_filter_is_an_argument():
    nearest = omniglot.ink(tiny.png(3), 28, Image.Resampling.NEAREST)
    assert set(np.unique(nearest)) == {0, 255}
    assert omniglot.LANCZOS == Image.Resampling.LANCZOS


def test_records_are_built_once_and_serve_every_size(tmp_path):
    folder = tiny.write(tmp_path / "archives")
    paths = {part.archive: folder / part.archive for part in tiny.LAYOUT}
    leftover = tmp_path / tfds_records.LAYOUT / "omniglot_metabench" / "incomplete.KILLED_1.0.0"
    leftover.mkdir(parents=True)
    first = tfds_records.examples(tiny.spec(), Request(paths, 28, tmp_path))
    assert not leftover.exists()
    gone = dict.fromkeys(paths, tmp_path / "gone")
    second = tfds_records.examples(tiny.spec(), Request(gone, 14, tmp_path))
    assert first.count == second.count == 10
    names = [name for name, _ in first.stream]
    assert names == [name for name in tiny.BACKGROUND + tiny.EVALUATION for _ in range(2)]
    assert {image.shape for _, image in second.stream} == {(14, 14, 1)}


def test_importing_the_specification_is_cheap():
    code = (
        "import sys; from metabench.datasets.omniglot.dataset import DATASET; "
        "print({'tensorflow_datasets', 'PIL', 'pooch', 'requests'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


real = pytest.mark.skipif(
    not os.environ.get("METABENCH_ARCHIVES"),
    reason="needs the real Omniglot archives: set METABENCH_ARCHIVES to their folder",
)


@pytest.fixture(scope="module")
def prepared():
    return data.load_or_prepare(omniglot.DATASET, progress=False)


@real
@pytest.mark.realdata
def test_real_arrays(prepared):
    dataset = prepared
    assert dataset.digest == omniglot.DATASET.digests[28]
    assert dataset.images.shape == (32460, 28, 28, 1)
    np.testing.assert_array_equal(dataset.labels, np.repeat(np.arange(1623), 20))
    classes = splits.classes(omniglot.HERE)
    assert dataset.class_names == (*classes["background"], *classes["evaluation"])
    assert dataset.class_names[0] == "Alphabet_of_the_Magi/character01"
    assert "archives" in dataset.source
    assert 0.05 < dataset.images.mean() / 255 < 0.15  # ink is the smaller part


@real
@pytest.mark.realdata
def test_real_images_are_those_of_the_archive(prepared):
    dataset = prepared
    archives = Path(os.environ["METABENCH_ARCHIVES"])
    name = "images_evaluation.zip"
    path = next(p for p in (archives / name, archives / "omniglot" / name) if p.is_file())
    with zipfile.ZipFile(path) as archive:
        png = archive.read("images_evaluation/Tibetan/character05/1560_07.png")
    index = 20 * dataset.class_names.index("Tibetan/character05") + 6
    np.testing.assert_array_equal(dataset.images[index], omniglot.ink(png, 28))
