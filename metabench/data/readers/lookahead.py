"""`map` on several threads, with results in order and few of them waiting.

For work that releases the interpreter lock, such as decoding JPEG or unpacking xz.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")

AHEAD = 4  # batches per thread that are started before the first result is asked for
BATCH = 64  # items per batch: passing single items to a thread takes longer than the work


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Value],
    items: Iterable[Item],
    threads: int | None = None,
    batch: int = BATCH,
) -> Iterator[Value]:
    """Yield `function(item)` for every item, in their order.

    The calling thread reads `items`, at most `threads * AHEAD` batches ahead. The error
    of an item is raised when its result is due.

    Args:
        function: called on several threads at once.
        items: may be endless.
        threads: how many; None: one for each core.
        batch: items that a thread gets at once.
    """
    threads = threads or cores()
    drawn = iter(items)
    pending: deque[Future[list[Value]]] = deque()

    def values(some: list[Item]) -> list[Value]:
        return [function(item) for item in some]

    pool = ThreadPoolExecutor(threads, thread_name_prefix="metabench")
    try:
        while True:
            while len(pending) < threads * AHEAD and (some := list(islice(drawn, batch))):
                pending.append(pool.submit(values, some))
            if not pending:
                return
            yield from pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
