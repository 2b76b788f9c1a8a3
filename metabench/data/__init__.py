"""Prepared datasets: `prepare` makes one from its archives, `load` maps it into memory.

The other modules here find, download, read and check files.
"""

from metabench.data.prepared import (
    is_available,
    is_prepared,
    load,
    load_or_prepare,
    prepare,
)

__all__ = ["is_available", "is_prepared", "load", "load_or_prepare", "prepare"]
