"""Small class tables of procedural drawings, which the checks draw their tasks from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import jax.numpy as jnp
import numpy as np

from metabench.datasets.strokes import dataset as strokes
from metabench.tasks.detail import at_more_places
from metabench.types import ClassTable, ImageShape

ALPHABETS = {"train": 6, "val": 2, "test": 4}  # of 16 characters


def strokes_tables(image: ImageShape = (28, 28, 1)) -> dict[str, ClassTable]:
    """Small class tables of procedural drawings: "train", "val" and "test"."""
    return dict(_drawn(image))


@cache
def strokes_training(image: ImageShape, detail: int) -> ClassTable:
    """The table "train", with `detail` values for each pixel of `image`, along each side."""
    height, width, channels = image
    if detail == 1:
        return strokes_tables(image)["train"]
    larger = strokes_tables((detail * height, detail * width, channels))["train"]
    filtered = at_more_places(np.asarray(larger.images), detail)
    return larger._replace(images=jnp.asarray(filtered))


@cache
def _drawn(image: ImageShape) -> Mapping[str, ClassTable]:
    height, width, channels = image
    number = sum(ALPHABETS.values())
    drawn = strokes.examples(max(height, width), alphabets=number)
    pixels = np.stack([picture[:height, :width] for _, picture in drawn]).repeat(channels, axis=-1)
    tables, first = {}, 0
    for part, alphabets in ALPHABETS.items():
        classes = np.arange(first, first + alphabets * strokes.CHARACTERS)
        size = len(classes) * strokes.DRAWINGS
        start = first * strokes.DRAWINGS
        tables[part] = ClassTable(
            images=jnp.asarray(pixels[start : start + size]),
            members=jnp.arange(size, dtype=jnp.int32).reshape(len(classes), -1),
            counts=jnp.full(len(classes), strokes.DRAWINGS, jnp.int32),
            class_ids=jnp.asarray(classes, jnp.int32),
        )
        first += len(classes)
    return MappingProxyType(tables)
