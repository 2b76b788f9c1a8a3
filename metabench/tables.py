"""From a prepared dataset and a split to the class table that episodes are drawn from.

Runs once before training or evaluation: it copies one part of one split to the
device, with rotated classes as images of their own. No sampling here.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from metabench.errors import UserError
from metabench.registry import suggest
from metabench.types import ClassTable, Dataset, Split, StreamShape, TaskShape

PARTS = ("train", "val", "test")


def find_split(dataset: Dataset, name: str | None) -> Split:
    """The split called `name` (None: the dataset's own default)."""
    name = name or dataset.default_split
    if name not in dataset.splits:
        known = tuple(dataset.splits)
        raise UserError(
            f"dataset `{dataset.name}` has no split `{name}`{suggest(name, known)}; "
            f"it has: {', '.join(known)}"
        )
    return dataset.splits[name]


def class_table(dataset: Dataset, split: Split, part: str) -> ClassTable:
    """The classes of `part` ("train", "val" or "test") with their images, on the device.

    Class ids are `rotations * index in dataset.class_names + quarter turns`, so they
    are the same in every part and split of equal `rotations`.
    """
    index = {name: i for i, name in enumerate(dataset.class_names)}
    base = np.array([index[name] for name in split.parts[part]], np.int32)
    start = np.searchsorted(dataset.labels, base, side="left")
    counts = np.searchsorted(dataset.labels, base, side="right") - start
    rows = np.concatenate([np.arange(s, s + n) for s, n in zip(start, counts, strict=True)])
    images = turned(jnp.asarray(dataset.images[rows]), split.rotations)
    members = _members(counts, split.rotations)
    turns = np.arange(split.rotations, dtype=np.int32)
    class_ids = (split.rotations * base[None, :] + turns[:, None]).reshape(-1)
    return ClassTable(
        images=images,
        members=jnp.asarray(members),
        counts=jnp.asarray(np.tile(counts, split.rotations), jnp.int32),
        class_ids=jnp.asarray(class_ids),
    )


def turned(images: jax.Array, rotations: int) -> jax.Array:
    """Images at 0, 90, ... degrees one after the other: [rotations * n, h, w, c]."""
    copies = [jnp.rot90(images, quarter, axes=(1, 2)) for quarter in range(rotations)]
    return jnp.concatenate(copies) if rotations > 1 else images


def _members(counts: np.ndarray, rotations: int) -> np.ndarray:
    """Row c lists the images of class c; short rows are padded with their first image."""
    start = np.concatenate([[0], np.cumsum(counts)])
    column = np.arange(counts.max(), dtype=np.int64)
    within = np.where(column[None, :] < counts[:, None], column[None, :], 0)
    rows = start[:-1, None] + within
    copies = [rows + turn * start[-1] for turn in range(rotations)]
    return np.concatenate(copies).astype(np.int32)


def check_fits(table: ClassTable, shape: TaskShape, where: str) -> None:
    """Raise `UserError` if episodes or streams of `shape` cannot be drawn from `table`."""
    classes = table.members.shape[0]
    if not 1 <= shape.way <= classes:
        raise UserError(
            f"`way` is {shape.way}, but {where} has {classes} classes: take 1 to {classes}"
        )
    fewest = int(table.counts.min())
    if isinstance(shape, StreamShape):
        if not 1 <= shape.presentations <= fewest:
            raise UserError(
                f"`presentations` is {shape.presentations}, but {where} has classes with "
                f"{fewest} examples: take 1 to {fewest}"
            )
        return
    for name in ("shot", "query"):
        if getattr(shape, name) < 1:
            raise UserError(f"`{name}` is {getattr(shape, name)}; it must be at least 1")
    if shape.shot + shape.query > fewest:
        raise UserError(
            f"`shot` + `query` is {shape.shot} + {shape.query} = {shape.shot + shape.query}, but "
            f"{where} has classes with only {fewest} examples: together at most {fewest}"
        )
