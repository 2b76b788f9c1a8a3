"""Folders of images of noise, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from metabench import data, registry
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
