"""The choice between native and hand-written operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax

_forced: ContextVar[bool | None] = ContextVar("native", default=None)


def native() -> bool:
    """Whether to use XLA's own convolution and pooling: everywhere but on a CPU."""
    forced = _forced.get()
    return jax.default_backend() != "cpu" if forced is None else forced


@contextmanager
def use_native(choice: bool) -> Iterator[None]:
    """Override `native` for code traced inside; functions jitted before do not change."""
    token = _forced.set(choice)
    try:
        yield
    finally:
        _forced.reset(token)
