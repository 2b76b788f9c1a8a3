"""Labelled images as the data of an optimizee: uint8 on the device, minibatches drawn by key."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.errors import UserError
from metabench.nets.pixels import pixels
from metabench.types import Dataset

BATCH = 128
MEASURED, MEASURED_PHOTOS = 10_000, 2000  # images that a loss is measured on
PHOTO_SIZE = 32  # pixels
# How many of each of the 70,000 digits are in the published training part. The prepared images
# are ordered by class, with the training part of each class first.
MNIST_TRAIN = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)


class Images(NamedTuple):
    """Images and labels, and the images on which losses are measured."""

    images: jax.Array  # [n, height, width, channels], uint8
    labels: jax.Array  # [n], int32
    measured: jax.Array  # [m], int32: evenly spread over the classes


def of(images: np.ndarray, labels: np.ndarray, most: int = MEASURED) -> Images:
    """`Images` of arrays that are ordered by class; losses are measured on up to `most`."""
    chosen = np.linspace(0, len(labels) - 1, min(most, len(labels))).round()
    return Images(
        jnp.asarray(images), jnp.asarray(labels, jnp.int32), jnp.asarray(chosen, jnp.int32)
    )


def mnist(archives: Path | None, cache: Path | None, progress: bool) -> tuple[Images, str]:
    """The 60,000 training images of MNIST, and the digest of the whole dataset."""
    from metabench import data

    found = data.load_or_prepare("mnist", None, archives, cache, progress=progress)
    rows = first_of_each(found, MNIST_TRAIN)
    return of(found.images[rows], found.labels[rows]), found.digest


def mini_imagenet(
    classes: int | None, archives: Path | None, cache: Path | None, progress: bool
) -> tuple[Images, str, int]:
    """Training classes of mini-ImageNet at 32×32, all or the first few by name; digest and number.

    The digest is that of the whole dataset.
    """
    from metabench import data
    from metabench.tasks.class_table import find_split

    found = data.load_or_prepare("mini_imagenet", PHOTO_SIZE, archives, cache, progress=progress)
    names = sorted(find_split(found, None).parts["train"])[:classes]
    numbers = [found.class_names.index(name) for name in names]
    rows = np.flatnonzero(np.isin(found.labels, numbers))
    order = {number: place for place, number in enumerate(sorted(numbers))}
    labels = np.array([order[label] for label in found.labels[rows].tolist()])
    return of(found.images[rows], labels, MEASURED_PHOTOS), found.digest, len(names)


def first_of_each(dataset: Dataset, counts: tuple[int, ...]) -> np.ndarray:
    """Rows of the first `counts[c]` images of each class c.

    Raises:
      UserError: a class has fewer.
    """
    start = np.searchsorted(dataset.labels, np.arange(len(counts)))
    there = np.bincount(dataset.labels, minlength=len(counts))
    if len(there) != len(counts) or (there < counts).any():
        raise UserError(
            f"`dataset` {dataset.name} has {there.tolist()} images of its classes, but at least "
            f"{list(counts)} are needed; prepare it again"
        )
    return np.concatenate([np.arange(s, s + c) for s, c in zip(start, counts, strict=True)])


def minibatch(data: Images, key: jax.Array, size: int = BATCH) -> tuple[jax.Array, jax.Array]:
    """`size` images [size, ...] from 0 to 1 with their labels, drawn with replacement."""
    return taken(data, jax.random.randint(key, (size,), 0, data.labels.shape[0]))


def taken(data: Images, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Images `rows` from 0 to 1, and their labels."""
    return pixels(data.images[rows]), data.labels[rows]


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean cross-entropy over a batch, in nats."""
    right = jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    return (jax.nn.logsumexp(logits, axis=1) - right).mean()
