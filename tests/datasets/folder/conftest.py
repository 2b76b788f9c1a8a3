"""A folder of images."""

from __future__ import annotations

import pytest

from tests.datasets.folder.making import classes


@pytest.fixture
def root(tmp_path):
    """Six classes of two images, without parts."""
    return classes(tmp_path / "birds", *"fedcba")
