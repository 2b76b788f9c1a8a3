"""From a prepared dataset and a split to the class table that episodes are drawn from.

This runs once before training or evaluation: it copies one part of one split to the
device, with separate images for rotated classes. Where they do not fit there, images stay on the
host (`tasks/host_images.py`). No sampling here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from metabench.compute.residence import on_host
from metabench.errors import UserError, suggest
from metabench.tasks.detail import at_more_places, between_pixels
from metabench.tasks.host_images import HostImages
from metabench.types import (
    ClassTable,
    Dataset,
    EpisodeShape,
    ImagesShape,
    Indices,
    Pools,
    Split,
    StreamShape,
    TrainShape,
)

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


def class_table(dataset: Dataset, split: Split, part: str, detail: int = 1) -> ClassTable:
    """The classes of `part` ("train", "val" or "test") with their images, on the device.

    Class ids are `rotations * index in dataset.class_names + quarter turns`, so they
    are the same in every part and split of equal `rotations`.

    Args:
      dataset: whose images the classes have.
      split: which classes.
      part: of the split.
      detail: values for each pixel, along each side (`tasks/detail.py`).

    Raises:
      UserError: the split has no classes in that part.
    """
    index = {name: i for i, name in enumerate(dataset.class_names)}
    if not split.parts.get(part):
        raise UserError(
            f"split `{split.name}` of dataset `{dataset.name}` has no {part} classes; it has: "
            + ", ".join(name for name, classes in split.parts.items() if classes)
        )
    base = np.array([index[name] for name in split.parts[part]], np.int32)
    start = np.searchsorted(dataset.labels, base, side="left")
    counts = np.searchsorted(dataset.labels, base, side="right") - start
    images = _placed(dataset, split.rotations, start, counts, detail)
    members = _members(counts, split.rotations)
    turns = np.arange(split.rotations, dtype=np.int32)
    class_ids = (split.rotations * base[None, :] + turns[:, None]).reshape(-1)
    return ClassTable(
        images=images,
        members=jnp.asarray(members),
        counts=jnp.asarray(np.tile(counts, split.rotations), jnp.int32),
        class_ids=jnp.asarray(class_ids),
    )


def row_names(table: ClassTable, dataset: Dataset, split: Split) -> list[str]:
    """The class of each row of a table from `class_table`, rotated ones by the same name."""
    return [dataset.class_names[one // split.rotations] for one in np.asarray(table.class_ids)]


def numbered(table: ClassTable) -> ClassTable:
    """`table` with its classes numbered from 0, in the order of their rows."""
    return table._replace(class_ids=jnp.arange(table.class_ids.shape[0], dtype=jnp.int32))


def class_count(split: Split, part: str) -> int:
    """How many classes `part` has, rotated ones counted as others; 0 where there is none."""
    return split.rotations * len(split.parts.get(part, ()))


def alphabet_of(class_name: str) -> str | None:
    """The group that a class belongs to: `Greek` for `Greek/character01`; None if it has none."""
    group, slash, _ = class_name.rpartition("/")
    return group if slash else None


def within_alphabets(table: ClassTable, dataset: Dataset, split: Split, way: int) -> ClassTable:
    """`table` with its classes pooled by alphabet, so that an episode stays within one.

    If classes are rotated, each orientation of an alphabet counts as another alphabet, so
    no episode mixes orientations. Alphabets with fewer than `way` classes are not used.

    Args:
      table: from `class_table`.
      dataset: the dataset that `table` was made from.
      split: the split that `table` was made from.
      way: of the episodes.

    Raises:
      UserError: the classes have no alphabets, or none has `way` classes.
    """
    rows: dict[tuple[str, int], list[int]] = {}
    for row, class_id in enumerate(np.asarray(table.class_ids).tolist()):
        number, turn = divmod(class_id, split.rotations)
        alphabet = alphabet_of(dataset.class_names[number])
        if alphabet is None:
            raise UserError(
                f"dataset `{dataset.name}` has no alphabets, so its episodes cannot stay within "
                "one; leave `within-alphabet` out"
            )
        rows.setdefault((alphabet, turn), []).append(row)
    large = [found for found in rows.values() if len(found) >= way]
    if not large:
        most = max(map(len, rows.values()))
        raise UserError(
            f"`way` is {way}, but no alphabet here has that many characters: take 2 to {most}"
        )
    longest = max(map(len, large))
    members = [found + [found[0]] * (longest - len(found)) for found in large]
    counts = [len(found) for found in large]
    return table._replace(pools=Pools(jnp.array(members, jnp.int32), jnp.array(counts, jnp.int32)))


def turned(images: jax.Array, rotations: int) -> jax.Array:
    """Images rotated by 0, 90, ... degrees, one after the other: [rotations * n, h, w, c]."""
    copies = [jnp.rot90(images, quarter, axes=(1, 2)) for quarter in range(rotations)]
    return jnp.concatenate(copies) if rotations > 1 else images


def _placed(
    dataset: Dataset, rotations: int, start: np.ndarray, counts: np.ndarray, detail: int
) -> jax.Array:
    """The images of some classes with their rotations, on the device, or on the host if need be."""
    size = rotations * int(counts.sum()) * dataset.images[0].nbytes * detail**2
    if detail == 1 and on_host(size):
        pairs = zip(start, start + counts, strict=True)
        rows = np.concatenate([np.arange(first, last) for first, last in pairs])
        return cast(jax.Array, HostImages(dataset.images, rows, rotations))
    return turned(jnp.asarray(_pictures(dataset, start, counts, detail)), rotations)


def _pictures(dataset: Dataset, start: np.ndarray, counts: np.ndarray, detail: int) -> np.ndarray:
    """The images of some classes, with `detail` values for each pixel, along each side."""
    if detail == 1:
        return _gathered(dataset.images, start, counts)
    if dataset.at is None:
        return between_pixels(_gathered(dataset.images, start, counts), detail)
    larger = dataset.at(detail * dataset.images.shape[1])
    return at_more_places(_gathered(larger.images, start, counts), detail)


def _gathered(images: np.ndarray, start: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The images of some classes; without a copy if they lie one after the other."""
    stop = start + counts
    if (start[1:] == stop[:-1]).all():
        return images[start[0] : stop[-1]]
    return np.concatenate([images[a:b] for a, b in zip(start, stop, strict=True)])


def _members(counts: np.ndarray, rotations: int) -> np.ndarray:
    """Row c lists the images of class c; short rows are padded with their first image."""
    start = np.concatenate([[0], np.cumsum(counts)])
    column = np.arange(counts.max(), dtype=np.int64)
    within = np.where(column[None, :] < counts[:, None], column[None, :], 0)
    rows = start[:-1, None] + within
    copies = [rows + turn * start[-1] for turn in range(rotations)]
    return np.concatenate(copies).astype(np.int32)


def check_fits(
    table: ClassTable, shape: TrainShape, where: str, names: Sequence[str] | None = None
) -> None:
    """Raise `UserError` if tasks of `shape` cannot be drawn from `table`.

    It calls the table `where`, and a class that is too small by its name, where `names` has one
    for each row.
    """
    if isinstance(shape, ImagesShape):
        return  # images are drawn one by one, so any number is possible
    classes = table.members.shape[0]
    if table.fixed is not None and isinstance(shape, EpisodeShape):
        _check_fixed(table.fixed, shape, where)
    if not 2 <= shape.way <= classes:
        fitting = f"take 2 to {classes}" if classes > 1 else "nothing can be told apart in it"
        raise UserError(f"`way` is {shape.way}, but {where} has {classes} classes: {fitting}")
    fewest = int(table.counts.min())
    if isinstance(shape, StreamShape):
        if not 1 <= shape.presentations <= fewest:
            small, remedy = _too_small(table, shape.presentations, where, names)
            raise UserError(
                f"`presentations` is {shape.presentations}, but {small}: take 1 to {fewest}{remedy}"
            )
        return
    for name in ("shot", "query"):
        least = getattr(shape, name) - getattr(shape, f"{name}_spread")
        if least < 1:
            raise UserError(f"`{name}` is {least}; it must be at least 1")
    shot, query = shape.most
    both = shot + query
    if both > fewest:
        small, remedy = _too_small(table, both, where, names)
        most = "at most " if shape.uneven else ""
        raise UserError(
            f"`shot` + `query` is {most}{shot} + {query} = {both}, but {small}: together at "
            f"most {fewest}{remedy}"
        )


def _too_small(
    table: ClassTable, needed: int, where: str, names: Sequence[str] | None
) -> tuple[str, str]:
    """A clause on the classes of fewer than `needed` images, and a remedy that passes them over."""
    counts = np.asarray(table.counts)
    fewest, small = int(counts.min()), np.flatnonzero(counts < needed)
    if names is None:
        return f"{where} has classes with only {fewest} examples", ""
    clause = f"class `{names[int(counts.argmin())]}` of {where} has only {fewest} examples"
    others = len(small) - 1
    if others > 0:
        clause += f", and {others} other{'s have' if others > 1 else ' has'} fewer than {needed}"
    if len(small) == len(counts):
        return clause, ""
    return clause, f", or pass over smaller classes with `min-images` = {needed}"


def _check_fixed(fixed: Indices, shape: EpisodeShape, where: str) -> None:
    if shape.uneven:
        raise UserError(
            f"the episodes of {where} are given, so no numbers of images can be drawn: leave "
            "ranges in `shot` and `query` out"
        )
    way = fixed.classes.shape[1]
    given = (way, fixed.support.shape[1] // way, fixed.query.shape[1] // way)
    if (shape.way, shape.shot, shape.query) != given:
        raise UserError(
            f"`way`, `shot` and `query` are {shape.way}, {shape.shot} and {shape.query}, but the "
            f"episodes of {where} are given, with {given[0]}, {given[1]} and {given[2]}"
        )
