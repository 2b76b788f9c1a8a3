"""The tiny mini-ImageNet of the tests, prepared or refused."""

from __future__ import annotations

import pytest

from metabench import data
from metabench.errors import UserError
from tests.datasets import tiny_mini_imagenet as tiny


def prepare(tmp_path, folder, size=None):
    return data.load_or_prepare(tiny.SPEC, size, folder, tmp_path / "cache", progress=False)


def refused(tmp_path, folder, finding):
    """Preparing is refused in one sentence, and leaves nothing that is trusted."""
    with pytest.raises(UserError, match=finding) as caught:
        prepare(tmp_path, folder)
    text = str(caught.value)
    assert str(folder) in text
    assert text.split("; ")[-1].startswith(("get ", "remove it and ", "give "))
    assert "\n" not in text
    assert not data.is_prepared(tiny.SPEC, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.array_record*"))
