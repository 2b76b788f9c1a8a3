"""Frozen protocols: constants with the digests of what they measure on.

A protocol that has results is never edited: it gets a new version. The digests were
printed by `metabench protocols --digests` and are checked at every run.
"""

from __future__ import annotations

from dataclasses import replace

from metabench.types import Protocol

SHAPES = ((5, 1), (5, 5), (20, 1), (20, 5))  # way, shot
# Digests of the prepared arrays at 28 pixels.
OMNIGLOT_28 = "b6598833977d38e246b68ae2c2fcf6ccac0c8784619994e137047a9c1bae2758"
STROKES_28 = "84538a83a70cbd3ce92a7369419ce205dba5dded8843bd2fd1b21f5c33476d38"

DIGESTS: dict[str, tuple[str, str]] = {  # protocol id -> dataset digest, episode digest
    "omniglot-vinyals-5way-1shot-v1": (
        OMNIGLOT_28,
        "0f79304ea8e7cf0ffad8d0afc66a2a3ba18862566dedb3d2682ef5785b2c8436",
    ),
    "omniglot-vinyals-5way-5shot-v1": (
        OMNIGLOT_28,
        "b4743c4e6953e16798b19c2f650468b3964d6a7fdbcd6a6520e22199b6816fd4",
    ),
    "omniglot-vinyals-20way-1shot-v1": (
        OMNIGLOT_28,
        "fbb0659c5ebb530e3a02f9f99c06b2a7a5108b9f262a60639f5726679fd54dce",
    ),
    "omniglot-vinyals-20way-5shot-v1": (
        OMNIGLOT_28,
        "28d66354327d60a0d174f0a0feb578d65775a1219e43dbc6dfff16646b4090fd",
    ),
    "omniglot-lake-5way-1shot-v1": (
        OMNIGLOT_28,
        "bf1920fa5b18d6f21f88492b1e053fdd481dc249d531398ad1d89ca6d2b0f2af",
    ),
    "omniglot-lake-5way-5shot-v1": (
        OMNIGLOT_28,
        "3a7b434cbeed7e26347be7fe3bf0575e099c99e0f243314f57fa37848cd171ea",
    ),
    "omniglot-lake-20way-1shot-v1": (
        OMNIGLOT_28,
        "e51e8ac55c438fa0621d8a26612476fdfce07194301a78f340e18001747382e7",
    ),
    "omniglot-lake-20way-5shot-v1": (
        OMNIGLOT_28,
        "51b756a38d0d80d8a32c6f7fdc33611737b93726c63ac388ac252cc972cadb06",
    ),
    "omniglot-random-5way-1shot-v1": (
        OMNIGLOT_28,
        "ee1e5a22d85bf4a13900d153c48b358082f8ca35a8afc821e04ac22e57f747dc",
    ),
    "omniglot-random-5way-5shot-v1": (
        OMNIGLOT_28,
        "ded6ad34518a6e5e1291690ca58a22c13ed72f815dc37d4cfc481c1d57b4937c",
    ),
    "omniglot-random-20way-1shot-v1": (
        OMNIGLOT_28,
        "30606d7b4dece1abb3667cf0bbaff715a33c87b492a959b45886071b56652f48",
    ),
    "omniglot-random-20way-5shot-v1": (
        OMNIGLOT_28,
        "168d356e23bb972d8dbc27876c5af53b6517f3a497618900bda4a02649668c81",
    ),
    "strokes-alphabets-5way-1shot-v1": (
        STROKES_28,
        "cdeb6a58e17a76d77b7a8fb9bb8ef9616d441d5e7cf55525f626c892e7e83d0f",
    ),
    "strokes-alphabets-5way-5shot-v1": (
        STROKES_28,
        "c7e328632d86bf10081cc4275984b8c5392e7c94cb3c1821d31f4857e034a9c8",
    ),
    "strokes-alphabets-20way-1shot-v1": (
        STROKES_28,
        "84e82454caaadd1ef50f8962bdf11ac6167a3de745904720a33f51d8b4d493c6",
    ),
    "strokes-alphabets-20way-5shot-v1": (
        STROKES_28,
        "bd65b827b5a9e1a3fc19acbb676b48567feaad9daf5c21cbf75430e35222bcb7",
    ),
}


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
