"""Lake's trials: which drawings belong together, and which archives are refused."""

from __future__ import annotations

import io
import os
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metabench import data
from metabench.contracts.dataset import Records
from metabench.datasets.omniglot import dataset as omniglot
from metabench.datasets.omniglot import trials
from metabench.datasets.omniglot.runs import drawings
from metabench.errors import UserError
from tests.datasets import tiny_omniglot as tiny

RUNS, CLASSES = 2, 3
ITEMS = {1: 2, 2: 3, 3: 1}  # of each class, the test drawing that belongs to it


def entries():
    """The files of a miniature: drawing `10 * run + class`, a hundred more in the test."""
    files = {}
    for run in range(1, RUNS + 1):
        folder = f"run{run:02d}"
        lines = []
        for number, item in ITEMS.items():
            training = f"{folder}/training/class{number:02d}.png"
            test = f"{folder}/test/item{item:02d}.png"
            files[training] = tiny.png(10 * run + number)
            files[test] = tiny.png(10 * run + number + 30)
            lines.append(f"{test} {training}\n")
        files[f"{folder}/class_labels.txt"] = "".join(lines).encode()
    return files


def changed(**names):
    """The miniature with files replaced, or left out (None); `/` is spelled `__`."""
    files = entries() | {name.replace("__", "/"): value for name, value in names.items()}
    return {name: value for name, value in files.items() if value is not None}


def tiny_spec():
    read = partial(trials.read, runs=RUNS, classes=CLASSES)
    return trials.DATASET._replace(
        name="tiny", records=Records(read, 2 * RUNS * CLASSES, omniglot.ink)
    )


def test_each_class_has_its_training_and_then_its_test_drawing(tmp_path):
    path = tiny.write_zip(tmp_path / "all_runs.zip", entries())
    dataset = data.load_or_prepare(tiny_spec(), None, tmp_path, tmp_path / "cache", progress=False)
    assert dataset.class_names == tuple(f"run0{r}/class0{c}" for r in (1, 2) for c in (1, 2, 3))
    np.testing.assert_array_equal(dataset.labels, np.repeat(np.arange(6), 2))
    heights = (dataset.images[:, :, 20, 0] == 255).sum(axis=1) - 35  # what `tiny.png` was told
    assert heights.tolist() == [n + t for n in (11, 12, 13, 21, 22, 23) for t in (0, 30)]
    assert str(path.name) in dataset.source


LABELS = entries()["run01/class_labels.txt"]


@pytest.mark.parametrize(
    ("files", "finding"),
    [
        (changed(**{"run02__test__item03.png": None}), r"it lacks `run02/test/item03\.png`"),
        (changed(**{"run01__class_labels.txt": None}), r"it lacks `run01/class_labels\.txt`"),
        (changed(**{"run03__class_labels.txt": b"x"}), r"it holds `run03/class_labels\.txt`"),
        (changed(**{"__etc__passwd": b"x"}), "it holds `/etc/passwd`"),
        (changed(**{"..__x": b"x"}), r"it holds `\.\./x`"),
        (changed(**{"run01__class_labels.txt": b""}), "one to one"),
        (changed(**{"run01__class_labels.txt": 2 * LABELS}), "one to one"),
        (changed(**{"run01__class_labels.txt": LABELS[LABELS.index(b"\n") + 1 :]}), "one to one"),
        (changed(**{"run01__class_labels.txt": LABELS.replace(b"01", b"02")}), "one to one"),
        (changed(**{"run01__class_labels.txt": LABELS.replace(b" ", b" x ")}), "one to one"),
        (changed(**{"run01__class_labels.txt": b"\xff" * 9}), "damaged"),
        (changed(**{"run01__class_labels.txt": b"x" * (1 << 17)}), "of 131072 bytes"),
        (changed(**{"run02__test__item01.png": b"GIF89a"}), "damaged"),
        (changed(**{"run02__test__item01.png": tiny.png(1, side=28)}), "28x28 pixels"),
        (changed(**{"run02__test__item01.png": tiny.png(1, mode="RGBA")}), "pixels of RGBA"),
    ],
)
def test_wrong_archives_are_refused_and_leave_nothing(tmp_path, files, finding):
    path = tiny.write_zip(tmp_path / "all_runs.zip", files)
    with pytest.raises(UserError, match=finding) as caught:
        list(drawings(path, RUNS, CLASSES))
    text = str(caught.value)
    assert text.startswith(f"`{path}`")
    assert text.endswith("; remove it and download it again")
    assert "\n" not in text
    with pytest.raises(UserError, match=finding):
        data.prepare(tiny_spec(), None, tmp_path, tmp_path / "cache", progress=False)
    assert not list((tmp_path / "cache").rglob("*.array_record*"))
    assert not data.is_prepared(tiny_spec(), cache=tmp_path / "cache")


def test_an_entry_that_is_there_twice_is_refused(tmp_path):
    path = tiny.write_zip(tmp_path / "all_runs.zip", entries())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("run01/test/item01.png", tiny.png(9))
    with pytest.raises(UserError, match=r"it holds `run01/test/item01\.png` twice"):
        list(drawings(path, RUNS, CLASSES))


def test_the_split_is_all_characters_in_the_order_of_the_runs():
    split = trials.DATASET.splits["lake"]()
    assert {part: len(names) for part, names in split.parts.items()} == {
        "train": 0,
        "val": 0,
        "test": 400,
    }
    assert split.parts["test"][:2] == ("run01/class01", "run01/class02")
    assert split.parts["test"][-1] == "run20/class20"
    assert split.digest == "0995d839607a238fd8bb85fa5c22d152c6a65913dcc7add37016ac77328121e7"


@pytest.mark.realdata
def test_real_trials():
    spec = trials.DATASET
    dataset = data.load_or_prepare(spec, progress=False)
    assert dataset.digest == spec.digests[105]
    assert dataset.images.shape == (800, 105, 105, 1)
    assert dataset.class_names == dataset.splits["lake"].parts["test"]
    assert dataset.source == "published archives, checksums verified"
    assert set(np.unique(dataset.images)) == {0, 255}
    archives = Path(os.environ["METABENCH_ARCHIVES"])
    with zipfile.ZipFile(next(archives.rglob("all_runs.zip"))) as archive:
        # class_labels.txt of run 1 begins: item01 is class08
        for index, name in enumerate(("training/class08", "test/item01")):
            with Image.open(io.BytesIO(archive.read(f"run01/{name}.png"))) as png:
                np.testing.assert_array_equal(
                    dataset.images[14 + index, :, :, 0] == 0, np.asarray(png)
                )
