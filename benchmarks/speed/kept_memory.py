"""The allocator keeps memory between calls, so that none of it is a page fault again.

By its defaults, glibc gives a large array back to the system when it is freed. PyTorch, eager,
frees every layer's output, and depending on what happens to lie above it in the heap, the next
call takes it from the system anew, page by page: an evaluation of one episode then has thousands
of page faults and takes twice as long (docs/speed.md). Both sides run in this process.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)


def keep_memory() -> bool:
    """Ask for it, before anything large is allocated; whether the allocator is one that can."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        option = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return bool(option(_MMAP_MAX, 0) and option(_TRIM_THRESHOLD, 2**31 - 1))
