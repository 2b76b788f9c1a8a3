"""Where a data set lies in training and test: on the devices, or on the host, which is slower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from metabench.compute.devices import here
from metabench.compute.memory import free_on
from metabench.errors import UserError

PLACES = ("auto", "device", "host")
PART = 0.5  # of the free memory of a device: what is larger stays on the host by itself
_place: ContextVar[str] = ContextVar("place", default="auto")


def check_place(place: str | None) -> None:
    """`UserError` on a word that is neither None nor one of `PLACES`."""
    if place is not None and place not in PLACES:
        raise UserError(f"`data` is {place!r}; it must be one of: {', '.join(PLACES)}")


@contextmanager
def residing(place: str | None) -> Iterator[None]:
    """Inside, images lie on the `device`s or on the `host`; `auto`, or None, as memory allows.

    Raises:
      UserError: another word.
    """
    check_place(place)
    token = _place.set(place or _place.get())
    try:
        yield
    finally:
        _place.reset(token)


def on_host(size: int) -> bool:
    """Whether an array of `size` bytes stays on the host."""
    place = _place.get()
    if place != "auto":
        return place == "host"
    free = free_on(here())
    return free is not None and size > PART * free
