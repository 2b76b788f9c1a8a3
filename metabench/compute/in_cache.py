"""A network over a few images at a time, where one core has the work to itself.

What lies between two layers then stays in that core's cache. Where all cores share the work of
each layer, all images together are faster: `on_one_core` says which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax
import jax.numpy as jnp

from metabench.compute.native import native

CACHE_BYTES = 2**20  # of a core's own cache, for the largest array between two layers

_alone: ContextVar[bool] = ContextVar("alone", default=False)


@contextmanager
def on_one_core() -> Iterator[None]:
    """What is traced inside runs on one core, with other work on the others."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def few_at_once(
    function: Callable[[jax.Array], jax.Array], images: jax.Array, image_bytes: int
) -> jax.Array:
    """`function(images)`, [n, ...] to [n, ...], where it treats every image by itself.

    Args:
      function: of any number of images.
      images: [n, ...].
      image_bytes: of the largest array between two layers, for one image.
    """
    count, group = len(images), max(1, CACHE_BYTES // image_bytes)
    if native() or not _alone.get() or count <= group:
        return function(images)
    groups = -(-count // group)
    group = -(-count // groups)
    spare = groups * group - count
    padded = jnp.pad(images, ((0, spare), *((0, 0),) * (images.ndim - 1)))
    found = jax.lax.map(function, padded.reshape(groups, group, *images.shape[1:]))
    return found.reshape(groups * group, *found.shape[2:])[:count]
