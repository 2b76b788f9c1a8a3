"""Papers' tables of the online protocol, and the protocols that they stand beside."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from metabench.types import Protocol

PIXELS = 20  # of the images in every table


class PublishedOnline(NamedTuple):
    """A row of a paper's table of the online protocol, in percent."""

    learner: str  # our name of the algorithm, if there is one
    paper: str
    year: int
    way: int
    labels: str
    accuracy: dict[str, float]  # "1", "2", … -> at this presentation
    note: str


def published_online(protocol: Protocol) -> list[PublishedOnline]:
    """What papers report for the same number of classes and label codes, on any split."""
    if protocol.dataset != "omniglot":
        return []
    return [row for row in _table() if (row.way, row.labels) == (protocol.way, protocol.labels)]


def online_differences(protocol: Protocol) -> list[str]:
    """Why these tables answer another question than `protocol`, in words; empty: they do not."""
    found = []
    if protocol.image_size != PIXELS:
        size = protocol.image_size
        found.append(f"{PIXELS} × {PIXELS} pixels, here {size} × {size}")
    if protocol.within_alphabet:
        found.append("classes of a stream of any alphabet, here of one")
    if protocol.independent:
        found.append("classes of a stream equally often, here drawn independently")
    if protocol.trained_on is not None:
        found.append(f"meta-trained on the same dataset, here on {protocol.trained_on}")
    return found


@cache
def _table() -> tuple[PublishedOnline, ...]:
    text = files("metabench.results").joinpath("published_online.json").read_text("utf-8")
    return tuple(PublishedOnline(**row) for row in json.loads(text))
