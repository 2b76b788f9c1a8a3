"""Prepared datasets: `prepare` makes one from its archives, `load` maps it into memory.

What finds, fetches, reads and inspects files stands beside it in this room.
"""

from metabench.data.prepared import (
    is_available,
    is_prepared,
    load,
    load_or_prepare,
    prepare,
)

__all__ = ["is_available", "is_prepared", "load", "load_or_prepare", "prepare"]
