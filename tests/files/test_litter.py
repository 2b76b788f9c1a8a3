"""What is passed over, by its name alone."""

import pytest

from metabench.files.litter import is_litter


@pytest.mark.parametrize(
    "path",
    [
        ".DS_Store",
        "._a.png",
        "__MACOSX",
        "__MACOSX/a/0.png",
        "mini/__MACOSX/images/x.jpg",
        "Thumbs.db",
        "a/THUMBS.DB",
        "ehthumbs.db",
        "Desktop.ini",
        "a/desktop.ini",
        "Icon\r",
        ".ipynb_checkpoints/0.png",
    ],
)
def test_litter(path):
    assert is_litter(path)


@pytest.mark.parametrize("path", ["a", "a.b/c.png", "./a", "../a", "", "MACOSX", "thumbs.db.png"])
def test_what_somebody_meant(path):
    assert not is_litter(path)
