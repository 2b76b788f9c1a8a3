"""Every picture goes through the function that writes a file whole or not at all."""

import os
import re

import pytest
from matplotlib.figure import Figure
from PIL import Image

from metabench.errors import UserError
from metabench.plots import contact_sheet
from metabench.plots.figure import save
from tests.layers import PACKAGE
from tests.places import ROOT

WRITES = re.compile(r"\.savefig\(|image\.save\([^)]*path|(?<!publish)\.write_(text|bytes)\(")
ALLOWED = {  # into memory, or into a folder that is renamed when it is whole
    "metabench/plots/figure.py",
    "metabench/plots/svg.py",
    "metabench/data/arrays.py",
}


def full(*arguments):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: save(Figure(), path, 50),
        lambda path: contact_sheet.save(Image.new("L", (2, 2)), path),
    ],
)
def test_a_full_disk_leaves_no_half_of_a_picture(tmp_path, monkeypatch, write):
    path = tmp_path / "new" / "picture.png"
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        write(path)
    assert not list(path.parent.iterdir())


def test_a_figure_is_a_png_whatever_its_name(tmp_path):
    save(Figure(), tmp_path / "picture.txt", 50)
    with Image.open(tmp_path / "picture.txt") as picture:
        assert picture.format == "PNG"


def test_nothing_is_written_another_way():
    found = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if WRITES.search(path.read_text("utf-8"))
    }
    assert found <= ALLOWED
