"""Frozen protocols: constants with the digests of what they measure on.

A protocol that has results is never edited: it gets a new version. The digests were
printed by `metabench protocols --digests` and are checked at every run.
"""

from __future__ import annotations

from dataclasses import replace

from metabench.types import Protocol

SHAPES = ((5, 1), (5, 5), (20, 1), (20, 5))  # way, shot
DIGESTS: dict[str, tuple[str, str]] = {}  # protocol id -> dataset digest, episode digest


def frozen(protocol: Protocol) -> Protocol:
    """`protocol` with its golden digests, where it is one that has them."""
    golden = DIGESTS.get(protocol.id)
    if golden is None:
        return protocol
    return replace(protocol, dataset_digest=golden[0], episode_digest=golden[1])


def _usual(dataset: str, split: str, image_size: int = 28) -> tuple[Protocol, ...]:
    """The usual four shapes: 1,000 episodes (Snell et al. 2017) of 15 queries per class."""
    return tuple(
        frozen(Protocol(dataset, split, way, shot, query=15, episodes=1000, image_size=image_size))
        for way, shot in SHAPES
    )


OMNIGLOT = (
    *_usual("omniglot", "vinyals"),
    *_usual("omniglot", "lake"),
    *_usual("omniglot", "random"),
)
STROKES = _usual("strokes", "alphabets")
