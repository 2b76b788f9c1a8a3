"""A network over a few images at a time, if one core does the work alone.

The arrays between two layers then stay in the cache of that core. If all cores share the work of
each layer, all images together are faster. `on_one_core` declares the first case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax
import jax.numpy as jnp

from metabench.compute.native import native

CACHE_BYTES = 2**20  # of the cache of a core, for the largest array between two layers

_alone: ContextVar[bool] = ContextVar("alone", default=False)


@contextmanager
def on_one_core() -> Iterator[None]:
    """Code traced inside runs on one core, while the other cores do other work."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def few_at_once(
    function: Callable[[jax.Array], jax.Array], images: jax.Array, image_bytes: int
) -> jax.Array:
    """`function(images)`, [n, ...] to [n, ...], for a function of each image by itself.

    Args:
      function: takes any number of images.
      images: [n, ...].
      image_bytes: size of the largest array between two layers, for one image.
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
