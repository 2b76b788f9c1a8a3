"""The images of a class table that stay on the host, in a memory map: what is drawn is read.

A table with such images is used as any other. Numbers of images are drawn on the device as always,
and a compiled program asks the host for the images. `fed` reads them one step ahead instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from metabench.types import ClassTable, ImageShape

T = TypeVar("T")


@jax.tree_util.register_static
class HostImages:
    """uint8 [rotations * rows, height, width, channels], read from `images` when asked for."""

    dtype = jnp.dtype(jnp.uint8)

    def __init__(self, images: np.ndarray, rows: np.ndarray, rotations: int = 1) -> None:
        """Nothing is read yet.

        Args:
          images: uint8 [n, height, width, channels], a memory map for example.
          rows: which of them there are, in their order.
          rotations: how often all of them come, each time turned by another 90 degrees.
        """
        self._images, self._rows, self._rotations = images, rows, rotations

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the whole array."""
        return (self._rotations * len(self._rows), *self.image)

    @property
    def image(self) -> ImageShape:
        """The shape of one of them."""
        return self._images.shape[1], self._images.shape[2], self._images.shape[3]

    def __len__(self) -> int:
        """How many there are."""
        return self.shape[0]

    def __getitem__(self, numbers: Any) -> Any:
        """Those with these numbers (any leading axes): of NumPy's, or traced ones of JAX."""
        if not isinstance(numbers, jax.core.Tracer):
            return self.read(np.arange(len(self))[numbers])
        found = jax.ShapeDtypeStruct((*numbers.shape, *self.image), self.dtype)
        return jax.pure_callback(self.read, found, numbers, vmap_method="broadcast_all")

    def read(self, numbers: Any) -> np.ndarray:
        """The same, on the host alone."""
        turn, place = np.divmod(np.asarray(numbers), len(self._rows))
        found = np.asarray(self._images[self._rows[place]])
        for quarter in range(1, self._rotations):
            turned = turn == quarter
            found[turned] = np.rot90(found[turned], quarter, axes=(-3, -2))
        return found


def stays(table: ClassTable | None) -> bool:
    """Whether the images of a table are on the host."""
    return table is not None and isinstance(table.images, HostImages)


def resident(images: Any) -> jax.Array:
    """All images on the device, for work that takes all of them."""
    return jnp.asarray(images[:]) if isinstance(images, HostImages) else images


def numbers_of(table: ClassTable) -> ClassTable:
    """The table with the number of each image in its place: tasks then hold numbers."""
    return table._replace(images=jnp.arange(len(table.images), dtype=jnp.int32))


def fed(
    table: ClassTable,
    draw: Callable[[jax.Array], T],
    steps: Iterable[int],
    place: Callable[[T], T],
) -> Iterator[T]:
    """The tasks of each of `steps`, whose images are read while the step before is computed.

    Args:
      table: whose images stay on the host.
      draw: the tasks of a step from `numbers_of(table)`, compiled.
      steps: their numbers.
      place: copies tasks to where they are needed.
    """
    images = table.images
    assert isinstance(images, HostImages)

    def read(drawn: T) -> T:
        return place(with_images(drawn, images))

    with ThreadPoolExecutor(1) as ahead:
        waiting = None
        for step in steps:
            following = ahead.submit(read, draw(jnp.int32(step)))
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()


def with_images(tasks: T, images: HostImages) -> T:
    """Tasks that hold numbers of images, with the images in their place, on the host."""
    read = images.read
    if isinstance(tasks, jax.Array):
        return read(tasks)  # type: ignore[return-value]
    names = [name for name in ("support_x", "query_x", "xs") if hasattr(tasks, name)]
    return tasks._replace(**{name: read(getattr(tasks, name)) for name in names})  # type: ignore
