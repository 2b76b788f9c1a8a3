"""How many tasks are evaluated at once: as many as memory holds.

No result depends on it: each task is answered by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from metabench.compute.memory import out_of_memory
from metabench.errors import UserError
from metabench.types import ImageTaskShape, StreamShape

T = TypeVar("T")
CHUNK_BYTES = 256 * 2**20  # of a layer's activations and the scores of the episodes at once
WIDTH = 64  # channels assumed for this limit


def chunk_size(shape: ImageTaskShape) -> int:
    """How many tasks are tried at once: a power of two up to 64, by an estimate of their memory."""
    if isinstance(shape, StreamShape):
        return 64
    height, width, _ = shape.image
    activations = (shape.supports + shape.queries) * height * width * WIDTH
    scores = shape.queries * (shape.supports + shape.way)
    episode = 4 * (activations + scores)
    chunk = 64
    while chunk > 1 and chunk * episode > CHUNK_BYTES:
        chunk //= 2
    return chunk


def fitting(chunk: int, wanted: Callable[[int], int], free: int | None) -> int:
    """`chunk`, halved until its program fits memory; 1 where none does.

    Args:
      chunk: how many tasks are tried first.
      wanted: the bytes that the compiled program for so many tasks takes.
      free: bytes; None if unknown.
    """
    while free is not None and chunk > 1 and not _fits(chunk, wanted, free):
        chunk //= 2
    return chunk


def _fits(chunk: int, wanted: Callable[[int], int], free: int) -> bool:
    try:
        return wanted(chunk) <= free
    except Exception as error:  # XLA tries operations out while it compiles
        if not out_of_memory(error):
            raise
        return False


def while_memory_lasts(work: Callable[[int], T], chunk: int, note: Callable[[str], None]) -> T:
    """`work(chunk)`, and again with half of it each time that memory runs out.

    Args:
      work: computes so many tasks at once. Where it runs again, it goes on from what it has done.
      chunk: how many to begin with.
      note: told of each time.

    Raises:
      UserError: memory does not hold even one task.
    """
    while True:
        try:
            return work(chunk)
        except Exception as error:  # XLA's own kind has no public name
            if not out_of_memory(error):
                raise
            if chunk == 1:
                raise UserError(
                    "memory ran out in the test of a single task; take a smaller `way`, `shot` or "
                    "`query`, or smaller images"
                ) from error
        chunk //= 2
        note(f"Memory ran out: the test goes on with {chunk} task{'s' * (chunk > 1)} at once.")
