"""Datasets with the channels of another: colours turned to grey, and grey repeated as RGB."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metabench.types import Dataset

WEIGHTS = (19595, 38470, 7471)  # of red, green and blue in 2^16 parts, as Pillow's: ITU-R 601
CHUNK = 1024  # images that are turned at once


def in_grey(dataset: Dataset) -> Dataset:
    """`dataset` with one channel; a grey one stays as it is. Its digest is that of the colours."""
    return dataset if dataset.images.shape[3] == 1 else _changed(dataset, grey, in_grey)


def in_rgb(dataset: Dataset) -> Dataset:
    """`dataset` with its one channel repeated three times; one in RGB stays as it is."""
    return dataset if dataset.images.shape[3] == 3 else _changed(dataset, repeated, in_rgb)


def grey(images: np.ndarray) -> np.ndarray:
    """The brightness of uint8 [images, height, width, 3], with one channel."""
    found = np.empty((*images.shape[:3], 1), np.uint8)
    for first in range(0, len(images), CHUNK):
        some = images[first : first + CHUNK].astype(np.uint32)
        weighted = sum(some[..., c] * np.uint32(weight) for c, weight in enumerate(WEIGHTS))
        found[first : first + CHUNK, ..., 0] = (weighted + np.uint32(1 << 15)) >> 16
    return found


def repeated(images: np.ndarray) -> np.ndarray:
    """uint8 [images, height, width, 1] as [images, height, width, 3], without a copy."""
    return np.broadcast_to(images, (*images.shape[:3], 3))


def _changed(
    dataset: Dataset,
    change: Callable[[np.ndarray], np.ndarray],
    whole: Callable[[Dataset], Dataset],
) -> Dataset:
    at = dataset.at
    return dataset._replace(
        images=change(dataset.images), at=None if at is None else lambda size: whole(at(size))
    )
