"""Frozen protocols: constants with the digests of their data and episodes.

A protocol that has results is never edited: a change makes a new version. The digests are in
`protocols.json` beside this file. They were printed by `metabench protocols --digests`, and
every run checks them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

from metabench.types import Labels, Protocol

SHAPES = ((5, 1), (5, 5), (20, 1), (20, 5))  # way, shot
# Protocol id -> dataset digest, episode digest.
DIGESTS: dict[str, tuple[str, str]] = {
    name: (golden["dataset"], golden["episodes"])
    for name, golden in json.loads(
        files("metabench.tasks").joinpath("protocols.json").read_text("utf-8")
    ).items()
}


def frozen(protocol: Protocol) -> Protocol:
    """`protocol` with its golden digests, if it has any."""
    golden = DIGESTS.get(protocol.id)
    if golden is None:
        return protocol
    return replace(protocol, dataset_digest=golden[0], episode_digest=golden[1])


def _usual(
    dataset: str, split: str, shapes: tuple[tuple[int, int], ...] = SHAPES, **changes: Any
) -> tuple[Protocol, ...]:
    """The usual shapes: 1,000 episodes (Snell et al. 2017) of 15 queries per class."""
    usual = {"query": 15, "episodes": 1000, "image_size": 28}
    return tuple(
        frozen(Protocol(dataset, split, way, shot, **(usual | changes))) for way, shot in shapes
    )


def _online(
    dataset: str, split: str, kinds: tuple[tuple[int, Labels], ...], **changes: Any
) -> tuple[Protocol, ...]:
    """Streams of 10 presentations at 20 x 20 pixels, 1,000 of them."""
    return tuple(
        frozen(Protocol(dataset, split, way, 0, 10, 1000, 20, labels=labels, **changes))
        for way, labels in kinds
    )


OMNIGLOT = (
    *_usual("omniglot", "vinyals"),
    *_usual("omniglot", "lake"),
    *_usual("omniglot", "random"),
    *_usual("omniglot", "lake", within_alphabet=True),
    # Santoro et al. 2016: streams; 15 classes only with letters, as in the paper.
    *_online("omniglot", "vinyals", ((5, "onehot"), (5, "letters"), (15, "letters"))),
    # As one public code draws streams: a class comes ten times on average.
    *_online("omniglot", "vinyals", ((5, "onehot"),), independent=True),
)
STROKES = _usual("strokes", "alphabets")
# Vinyals et al. 2016, section 4.1.1; Edwards & Storkey 2017, table 2.
MNIST = _usual("mnist", "digits", ((10, 1), (10, 5)), trained_on="omniglot/vinyals")
# Ravi & Larochelle 2017, section 5.1: 600 episodes.
MINI_IMAGENET = _usual("mini_imagenet", "ravi", ((5, 1), (5, 5)), episodes=600, image_size=84)
# Lake et al. 2015: as given, and at the usual size for learners of the background set.
TRIALS = (
    *_usual("omniglot_trials", "lake", ((20, 1),), query=1, episodes=20, image_size=105),
    *_usual(
        "omniglot_trials", "lake", ((20, 1),), query=1, episodes=20, trained_on="omniglot/lake"
    ),
)
